/**
 * The life of one AMQP channel that reads a queue: the broker pushes into its intake, `take` pulls out of it. When the
 * channel has gone so have all claims made on it, and its tags are used nowhere else: the source then opens another.
 *
 * Closing is the delicate part. The AMQP channel at the broker holds acknowledgements back while a quorum queue has not
 * replicated earlier ones (more than 32 frames), and forgets those when it is closed: 466 of 500 came again, in 9 of 10
 * runs, whatever was asked of the channel in between. Cancelling a consumer is written to the queue's own log behind all
 * that was sent before, and answered when it is replicated; the rest is then sent at once. So the cancel comes after
 * the last acknowledgement, and where reading was paused before, a consumer is made to be cancelled.
 */
import { randomUUID } from 'node:crypto'
import type { Channel, ConsumeMessage } from 'amqplib'
import type { Cancel, Clock } from '../../core/clock.ts'
import { errorInfo, MillraceError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { type AmqpChannel, openChannel } from './amqp.ts'
import type { Opened } from './connection.ts'
import { rabbitError } from './failure.ts'
import { type Arrived, createIntake, emptyMailbox, type Intake, takeArrived, type Want } from './intake.ts'
import { framesFor } from './tags.ts'

export interface SessionTools {
  readonly clock: Clock
  readonly log: Log
  readonly address: string
  readonly queue: string
  readonly group: string
  /** How many records the broker may push ahead, 1 to 65,535. */
  readonly prefetch: number
  /** How long, in milliseconds, a record may lie in the mailbox before it is given back. */
  readonly mailboxMs: number
  /** Resolves with 'done' when the record is safely in the queue a second time, so that this delivery can go. */
  readonly renew: (message: ConsumeMessage) => undefined | Promise<'done' | 'kept'>
  /** Called when there may be more to take, or it failed. */
  readonly onChange: () => void
}

export interface Session {
  /** Aborted when all that was claimed on it is lost. */
  readonly lost: AbortSignal
  /** Why it ended, once it has. */
  failure(): MillraceError | undefined
  /** Hands out what is there, at once; begins to consume where that was not begun or was paused. */
  take(want: Want): readonly Arrived[]
  /** Resolves when the broker has taken these off us, or rejects because the channel has gone, and with it the claims. */
  settle(verdicts: Verdicts): Promise<void>
  /** Stops consuming and gives back what was not handed out. */
  pause(): Promise<void>
  /** How many records the queue has that nobody claims, and we have unsettled. */
  count(): Promise<number>
  close(): Promise<void>
}

/** Delivery tags, each open. */
export interface Verdicts {
  readonly finished: ReadonlySet<number>
  readonly returned: ReadonlySet<number>
}

interface State {
  readonly wire: AmqpChannel
  readonly intake: Intake
  readonly lost: AbortController
  failure: MillraceError | undefined
  consumer: string | undefined
  /** Consuming begins and ends in turn. */
  turn: Promise<unknown>
  /** Acknowledgements may be held back at the broker. */
  unsure: 'yes' | 'no'
  announcing: 'soon' | 'no'
  stopWatching: Cancel
}

/** All of a close together stays below what the core waits for it. */
const CLOSE_MS = 6_000

/** Rejects when the queue cannot be read; nothing is left open then. */
export const openSession = async (opened: Opened, tools: SessionTools): Promise<Session> => {
  const wire = await openChannel(opened.model)
  const state: State = {
    wire,
    intake: createIntake(),
    lost: new AbortController(),
    failure: undefined,
    consumer: undefined,
    turn: Promise.resolve(),
    unsure: 'no',
    announcing: 'no',
    stopWatching: () => {},
  }
  wire.gone.addEventListener('abort', () => {
    lose(state)
    // The connection says only after its channels what has happened to it.
    queueMicrotask(() => fail(tools, state, opened.gone.aborted ? opened.gone.reason : wire.gone.reason))
  })
  watchMailbox(tools, state)
  await inTurn(state, () => consume(tools, state)).catch(async thrown => {
    await close(tools, state)
    throw thrown
  })
  return {
    lost: state.lost.signal,
    failure: () => state.failure,
    take: want => take(tools, state, want),
    settle: verdicts => settle(tools, state, verdicts),
    pause: () => inTurn(state, () => giveBackMailbox(state)),
    async count() {
      const { messageCount } = await wire.channel.checkQueue(tools.queue)
      return messageCount + state.intake.open.size
    },
    close: () => close(tools, state),
  }
}

const inTurn = <Value>(state: State, act: () => Promise<Value>): Promise<Value> => {
  const done = state.turn.then(act)
  state.turn = done.catch(() => {})
  return done
}

/** The tag is unique for all time, since it names records that have no name of their own. */
const consume = async (tools: SessionTools, state: State): Promise<void> => {
  if (state.consumer !== undefined || state.lost.signal.aborted) return
  const { channel } = state.wire
  const consumerTag = `${tools.group.slice(0, 60)}/${randomUUID()}`
  state.consumer = consumerTag
  try {
    // Of each consumer, before it consumes: quorum queues take no limit of a whole channel.
    await channel.prefetch(tools.prefetch)
    await channel.consume(tools.queue, message => arrive(tools, state, message), { consumerTag })
  } catch (thrown) {
    state.consumer = undefined
    throw rabbitError('SOURCE_FAILED', `reading ${tools.address}, the queue ${tools.queue}`, thrown)
  }
}

/** Whatever escaped from here would end the connection, with all that others do on it. */
const arrive = (tools: SessionTools, state: State, message: ConsumeMessage | null): void => {
  const { wire, intake } = state
  if (message === null) {
    // The queue was deleted, has moved, or took our claims back; what is still ours of them nobody can say.
    const where = `reading ${tools.address}: the broker has ended it, as when the queue ${tools.queue} is deleted`
    lose(state)
    fail(tools, state, new MillraceError('SOURCE_FAILED', where))
    void wire.close()
    return
  }
  const arrived = { message, tag: message.fields.deliveryTag, atMs: tools.clock.monotonic() }
  intake.open.add(arrived.tag)
  const renewing = tools.renew(message)
  if (renewing) void renewed(tools, state, arrived, renewing)
  else {
    intake.mailbox.push(arrived)
    announce(tools, state)
  }
}

/** What one look at the socket brings comes as many messages: it is told once, so that they can become one batch. */
const announce = (tools: SessionTools, state: State): void => {
  if (state.announcing === 'soon') return
  state.announcing = 'soon'
  setImmediate(() => {
    state.announcing = 'no'
    tools.onChange()
  })
}

const renewed = async (
  tools: SessionTools,
  state: State,
  arrived: Arrived,
  renewing: Promise<'done' | 'kept'>,
): Promise<void> => {
  const outcome = await renewing
  if (state.lost.signal.aborted) return
  if (outcome === 'done') send(state, new Set([arrived.tag]), 'ack')
  else {
    state.intake.mailbox.push(arrived)
    announce(tools, state)
  }
}

const take = (tools: SessionTools, state: State, want: Want): readonly Arrived[] => {
  if (state.lost.signal.aborted) return []
  if (state.consumer === undefined)
    void inTurn(state, () => consume(tools, state)).catch(thrown => fail(tools, state, thrown))
  return takeArrived(state.intake, want)
}

/** What follows on the same channel is answered when the broker has read all that was sent before. */
const settle = async (tools: SessionTools, state: State, { finished, returned }: Verdicts): Promise<void> => {
  send(state, finished, 'ack')
  send(state, returned, 'nack')
  await echo(tools, state.wire.channel)
}

/** Of no effect on consumers that are there, and answered by the channel alone: a question to the queue costs more. */
const echo = (tools: SessionTools, channel: Channel): Promise<unknown> => channel.prefetch(tools.prefetch)

const send = (state: State, done: ReadonlySet<number>, how: 'ack' | 'nack'): void => {
  if (done.size === 0) return
  const { wire, intake } = state
  const { upTo, singles } = framesFor(intake.open, done)
  const one = (deliveryTag: number, multiple: 'multiple' | 'single'): void => {
    const message = { fields: { deliveryTag } } as ConsumeMessage
    if (how === 'ack') wire.channel.ack(message, multiple === 'multiple')
    else wire.channel.nack(message, multiple === 'multiple', true)
  }
  if (upTo !== undefined) one(upTo, 'multiple')
  for (const tag of singles) one(tag, 'single')
  for (const tag of done) intake.open.delete(tag)
  if (how === 'ack') state.unsure = 'yes'
}

const giveBackMailbox = async (state: State): Promise<void> => {
  const { wire, consumer, intake } = state
  if (consumer === undefined || state.lost.signal.aborted) return
  await wire.channel.cancel(consumer)
  state.consumer = undefined
  state.unsure = 'no'
  send(state, new Set(emptyMailbox(intake)), 'nack')
}

/**
 * The broker takes the channel from us when a record was not acknowledged for its `consumer_timeout`, whether it was
 * handed out or not. What nobody asks for is given back before; the next that asks consumes again.
 */
const watchMailbox = (tools: SessionTools, state: State): void => {
  const look = (): void => {
    const [oldest] = state.intake.mailbox
    const ageMs = oldest === undefined ? 0 : tools.clock.monotonic() - oldest.atMs
    if (ageMs >= tools.mailboxMs)
      inTurn(state, () => giveBackMailbox(state)).catch(thrown => fail(tools, state, thrown))
    state.stopWatching = tools.clock.after(ageMs >= tools.mailboxMs ? tools.mailboxMs : tools.mailboxMs - ageMs, look)
  }
  state.stopWatching = tools.clock.after(tools.mailboxMs, look)
}

const lose = (state: State): void => {
  state.stopWatching()
  state.intake.mailbox = []
  state.lost.abort()
}

const fail = (tools: SessionTools, state: State, thrown: unknown): void => {
  state.failure ??= rabbitError('SOURCE_FAILED', `reading ${tools.address}, the queue ${tools.queue}`, thrown)
  tools.onChange()
}

const close = async (tools: SessionTools, state: State): Promise<void> => {
  const { clock, log } = tools
  state.stopWatching()
  const closing = closeSafely(tools, state)
    .catch(error => {
      if (!state.lost.signal.aborted)
        log.warn(`closing ${tools.address}: records may come again`, { error: errorInfo(error) })
    })
    .then(() => state.wire.close())
  await new Promise<void>(resolve => {
    const cancel = clock.after(CLOSE_MS, () => {
      log.warn(`closing ${tools.address}: the broker does not answer, and is left; records may come again`)
      resolve()
    })
    void closing.finally(() => {
      cancel()
      resolve()
    })
  })
  lose(state)
}

const closeSafely = (tools: SessionTools, state: State): Promise<void> =>
  inTurn(state, async () => {
    const { wire, intake } = state
    if (state.lost.signal.aborted) return
    if (state.consumer === undefined && state.unsure === 'yes') await consume({ ...tools, prefetch: 1 }, state)
    if (state.consumer !== undefined) await wire.channel.cancel(state.consumer)
    state.consumer = undefined
    // By now the broker's channel knows what was replicated, and has sent on what it held back.
    await echo(tools, wire.channel)
    // A channel that is closed counts as one that crashed.
    send(state, new Set(intake.open), 'nack')
    await echo(tools, wire.channel)
  })
