/** The requests of an environment, one at a time, in the order in which they came. */
import { systemClock } from '../../clock.ts'
import type { OutgoingRecord } from '../../contract.ts'
import { functionError } from '../../function/errors.ts'
import type { Log } from '../../log.ts'
import { createLinger } from '../linger.ts'
import { encodeAnswered } from '../wire/answered.ts'
import { MESSAGE, type Message, NO_BODIES } from '../wire/message.ts'
import { decodeRequest } from '../wire/request.ts'
import { answerText } from './answer.ts'
import { type ContextParts, createContext, invocationOver, type Place } from './context.ts'
import type { LoadedFunction } from './load.ts'
import type { Pieces } from './pieces.ts'
import { type RunResult, runInvocation } from './run.ts'
import type { HostPort } from './serve.ts'

export interface TurnsParts extends Pick<HostPort, 'write' | 'markBegun' | 'isRecalled'> {
  readonly place: Place
  readonly timeoutMs: number
  readonly log: Log
  readonly pieces: Pick<Pieces, 'open' | 'close'>
  readonly offerKeys: ContextParts['keys']
  readonly send: (address: string, records: readonly OutgoingRecord[]) => Promise<void>
}

export interface Turns {
  /** Init has ended: what came meanwhile begins. Once. */
  open(loaded: LoadedFunction): void
  /** A request: it runs at once, or when Init and those before it have ended. */
  receive(message: Message): void
  /** What had not begun never begins; the host knows by whose wish. */
  abort(id: number): void
}

interface Received {
  readonly message: Message
  readonly controller: AbortController
  aborted: boolean
  over: boolean
}

export const createTurns = (parts: TurnsParts): Turns => {
  const { place, timeoutMs, log } = parts
  let loaded: LoadedFunction | undefined
  let running: Received | undefined
  const linger = createLinger()
  /** Milliseconds since the epoch; a request that waited for Init, or the one before, has all of its time from here. */
  let lastEnd = 0
  /** The same by the monotonic clock. */
  let lastEndMs = 0
  const waiting: Received[] = []

  const runAll = async (of: LoadedFunction, first: Received): Promise<void> => {
    for (let next: Received | undefined = first; next; next = waiting.shift()) {
      const { kind, id } = next.message
      parts.markBegun(id)
      if (kind !== MESSAGE.invokeOnly && parts.isRecalled(id)) {
        parts.write(MESSAGE.recalled, id, '')
        continue
      }
      running = next
      const startMs = systemClock.monotonic()
      linger.came(startMs - lastEndMs)
      const result = await run(of, next)
      lastEndMs = systemClock.monotonic()
      const reply = replyOf(result, lastEndMs - startMs)
      next.over = true
      parts.pieces.close(id)
      lastEnd = systemClock.now()
      parts.write(reply.kind, id, reply.header, reply.bodies)
      if (kind === MESSAGE.invokeOnly && waiting.length === 0) linger.expect(lastEndMs)
    }
    running = undefined
  }

  const run = (of: LoadedFunction, mine: Received): Promise<RunResult> => {
    const { id, header, body } = mine.message
    const { request, deadline, streams, readText } = decodeRequest(header, body)
    const context = createContext({
      place,
      request,
      deadline: Math.max(deadline, lastEnd + timeoutMs),
      clock: systemClock,
      signal: mine.controller.signal,
      log,
      keys: parts.offerKeys,
      send: (address, records) =>
        mine.over || mine.aborted ? Promise.reject(invocationOver(place.functionName)) : parts.send(address, records),
    })
    const stream = streams === 'yes' ? parts.pieces.open(id) : undefined
    return runInvocation(of, { request, context, readText, stream })
  }

  return {
    open(of) {
      loaded = of
      lastEnd = systemClock.now()
      const first = waiting.shift()
      if (first) void runAll(of, first)
    },
    receive(message) {
      const received: Received = { message, controller: new AbortController(), aborted: false, over: false }
      if (running || !loaded) waiting.push(received)
      else void runAll(loaded, received)
    },
    abort(id) {
      if (running?.message.id === id) {
        running.aborted = true
        running.controller.abort(abortReason())
        return
      }
      const index = waiting.findIndex(({ message }) => message.id === id)
      if (index < 0) return
      waiting.splice(index, 1)
      parts.write(MESSAGE.failed, id, JSON.stringify({ error: functionError(abortReason()), refused: [] }))
    },
  }
}

interface Reply {
  readonly kind: number
  readonly header: string
  readonly bodies?: readonly Uint8Array[]
}

const replyOf = (result: RunResult, tookMs: number): Reply => {
  if (result.kind === 'not-ready') return { kind: MESSAGE.mismatch, header: JSON.stringify(result.error) }
  const { refused } = result
  if (result.kind === 'failed')
    return { kind: MESSAGE.failed, header: JSON.stringify({ error: result.error, refused }) }
  const answer = answerText(result.value)
  if (answer.error) return { kind: MESSAGE.failed, header: JSON.stringify({ error: answer.error, refused }) }
  return {
    kind: MESSAGE.answered,
    header: encodeAnswered(tookMs, refused),
    bodies: answer.text === undefined ? NO_BODIES : [Buffer.from(answer.text)],
  }
}

const abortReason = (): DOMException =>
  new DOMException('the claims on these records were lost, or the app is stopped', 'AbortError')
