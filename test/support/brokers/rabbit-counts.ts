/**
 * How many records the queues of a RabbitMQ node have, claimed ones included, asked of the node itself: AMQP tells only
 * those that nobody claims, and the command line tools what a quorum queue had some seconds ago.
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { after } from 'node:test'
import type { Broker } from './broker.ts'
import { NODE_NAME, nodeDoor } from './rabbitmq.ts'

export interface QueueCounts {
  /** Of all queues of the node whose names begin like this. */
  records(broker: Broker, prefix: string): Promise<number>
}

interface Asker {
  ask(prefix: string): Promise<string>
}

/** To be called at the top of a test file, outside its tests; one Erlang program serves the file. */
export const queueCounts = (): QueueCounts => {
  const askers = new Map<Broker, Promise<Asker>>()
  const ends: (() => Promise<void>)[] = []
  after(async () => {
    for (const end of ends) await end()
  })
  return {
    async records(broker, prefix) {
      const asker = askers.get(broker) ?? startAsker(broker, end => void ends.push(end))
      askers.set(broker, asker)
      const answer = await (await asker).ask(prefix)
      const count = Number(answer)
      if (!Number.isInteger(count)) throw new Error(`the node ${broker.folder} does not count: ${answer}`)
      return count
    },
  }
}

/**
 * Reads a prefix a line, and answers with a number or with what went wrong. A quorum queue counts what it has replicated:
 * a command of no effect, written behind what came before it, waits for that. A classic one is asked something of no
 * effect first, too, since a question for its count overtakes what came before. What a quorum queue has dead-lettered
 * it keeps until that is confirmed, a moment later; that is not counted.
 */
const PROGRAM = `
  Node = '${NODE_NAME}',
  Total = fun(Q) ->
    case amqqueue:get_type(Q) of
      rabbit_quorum_queue ->
        {ok, _, _} = ra:process_command(amqqueue:get_pid(Q), rabbit_fifo:make_garbage_collection()),
        Ask = fun(Query) -> {ok, {_, Count}, _} = ra:leader_query(amqqueue:get_pid(Q), Query), Count end,
        Ask(fun rabbit_fifo:query_messages_ready/1) + Ask(fun rabbit_fifo:query_messages_checked_out/1);
      _ ->
        catch rabbit_amqqueue:cancel_sync_mirrors(amqqueue:get_pid(Q)),
        proplists:get_value(messages, rabbit_amqqueue:info(Q, [messages]))
    end end,
  Count = fun(Prefix) ->
    Named = fun(Q) -> {resource, _, queue, Name} = amqqueue:get_name(Q), string:prefix(Name, Prefix) =/= nomatch end,
    lists:sum([Total(Q) || Q <- rabbit_amqqueue:list(<<"/">>), Named(Q)]) end,
  Loop = fun Again() ->
    case io:get_line("") of
      eof -> halt();
      Line ->
        Prefix = list_to_binary(string:trim(Line)),
        io:format("~0p~n", [rpc:call(Node, erlang, apply, [Count, [Prefix]])]),
        Again()
    end end,
  Loop().`

const startAsker = async ({ folder }: Broker, onEnd: (end: () => Promise<void>) => void): Promise<Asker> => {
  const name = `counts-${process.pid}-${folder.slice(-6)}@localhost`
  const args = ['-noshell', '-hidden', '-sname', name, '-kernel', 'inet_dist_use_interface', '{127,0,0,1}']
  const child = spawn('erl', [...args, '-eval', PROGRAM.replaceAll(/\s+/g, ' ')], {
    env: { ...process.env, ...(await nodeDoor(folder)) },
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  const ended = new Promise<void>(resolve => child.once('close', () => resolve()))
  onEnd(async () => {
    child.kill('SIGKILL')
    await ended
  })
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  let turn: Promise<unknown> = Promise.resolve()
  return {
    ask(prefix) {
      const answer = turn.then(async () => {
        child.stdin.write(`${prefix}\n`)
        return String((await answers.next()).value)
      })
      turn = answer.catch(() => {})
      return answer
    },
  }
}
