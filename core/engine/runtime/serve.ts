/**
 * The runtime of an environment that the host talks to by messages: it loads the function once, then runs one request
 * at a time, in the order in which they came.
 */
import { systemClock } from '../../clock.ts'
import { errorInfo } from '../../errors.ts'
import { functionError } from '../../function/errors.ts'
import { type Log, type LogFields, logTo } from '../../log.ts'
import type { ModuleCode } from '../contract.ts'
import { encodeAnswered } from '../wire/answered.ts'
import { MESSAGE, type Message, NO_BODIES, type ReadyHeader } from '../wire/message.ts'
import { decodeRequest } from '../wire/request.ts'
import { answerText } from './answer.ts'
import { boundedLog } from './bounded-log.ts'
import { createContext, invocationOver, type Place } from './context.ts'
import { createKeys } from './keys.ts'
import { hookFailed, type LoadedFunction, loadFile } from './load.ts'
import { createPieces } from './pieces.ts'
import { type RunResult, runInvocation } from './run.ts'
import { createSender } from './sender.ts'

/** The environment's end of what joins it with the host. */
export interface HostPort {
  /** What is written before the environment ends reaches the host. */
  write(kind: number, id: number, header: string, bodies?: readonly Uint8Array[]): void
  /**
   * Notes, before any code of the user sees it, that this request has begun, where the host finds it later. False: the
   * host has taken it back, and it is not to begin.
   */
  markBegun(request: number): boolean
  /** Called once, after the host was told what Init came to. */
  afterInit(): void
}

interface Received {
  readonly message: Message
  readonly controller: AbortController
  aborted: boolean
  over: boolean
}

/** Answers with what takes the host's messages. */
export const serve = (port: HostPort): ((message: Message) => void) => {
  let place: Place
  let timeoutMs = 0
  let loaded: LoadedFunction | undefined
  let running: Received | undefined
  /** Milliseconds since the epoch; a request that waited for the one before has all of its time from here. */
  let lastEnd = 0
  const waiting: Received[] = []
  const sender = createSender(port.write)
  const keys = createKeys(() => place.app, port.write)
  const pieces = createPieces(port.write)

  const load = async (message: Message): Promise<void> => {
    const wanted = JSON.parse(message.header) as { code: ModuleCode; place: Place; timeoutMs: number }
    place = wanted.place
    timeoutMs = wanted.timeoutMs
    const ageMs = systemClock.monotonic()
    const loading = await loadFile(place.functionName, wanted.code)
    loaded = loading.loaded
    if (!loading.loaded) port.write(MESSAGE.notReady, 0, JSON.stringify(loading.error))
    else if (place.initialization === 'snap-start') await runHook('beforeSnapshot', ageMs)
    else tellReady(ageMs)
    port.afterInit()
  }
  const tellReady = (ageMs: number): void => {
    const header: ReadyHeader = { ageMs, importMs: systemClock.monotonic() - ageMs }
    port.write(MESSAGE.ready, 0, JSON.stringify(header))
  }
  const runHook = async (what: 'beforeSnapshot' | 'afterRestore', ageMs: number): Promise<void> => {
    try {
      await loaded?.[what]?.()
    } catch (thrown) {
      port.write(MESSAGE.notReady, 0, JSON.stringify(hookFailed(place.functionName, what, thrown)))
      return
    }
    tellReady(ageMs)
  }

  const receive = (message: Message): void => {
    const received: Received = { message, controller: new AbortController(), aborted: false, over: false }
    if (running) waiting.push(received)
    else void runAll(received)
  }
  const runAll = async (first: Received): Promise<void> => {
    for (let next: Received | undefined = first; next; next = waiting.shift()) {
      if (!port.markBegun(next.message.id)) {
        port.write(MESSAGE.recalled, next.message.id, '')
        continue
      }
      running = next
      const startMs = systemClock.monotonic()
      const result = await run(next)
      const reply = replyOf(result, systemClock.monotonic() - startMs)
      next.over = true
      pieces.close(next.message.id)
      lastEnd = systemClock.now()
      port.write(reply.kind, next.message.id, reply.header, reply.bodies)
    }
    running = undefined
  }

  const run = (mine: Received): Promise<RunResult> => {
    if (!loaded) throw new Error('the host sent a request before Init')
    const { id, header, body } = mine.message
    const { request, deadline, streams, readText } = decodeRequest(header, body)
    const context = createContext({
      place,
      request,
      deadline: Math.max(deadline, lastEnd + timeoutMs),
      clock: systemClock,
      signal: mine.controller.signal,
      log,
      keys: keys.offer,
      send: (address, records) =>
        mine.over || mine.aborted ? Promise.reject(invocationOver(place.functionName)) : sender.send(address, records),
    })
    const stream = streams === 'yes' ? pieces.open(id) : undefined
    return runInvocation(loaded, { request, context, readText, stream })
  }

  /** What had not begun never begins; the host knows by whose wish. */
  const abort = (id: number): void => {
    if (running?.message.id === id) {
      running.aborted = true
      running.controller.abort(abortReason())
      return
    }
    const index = waiting.findIndex(({ message }) => message.id === id)
    if (index < 0) return
    waiting.splice(index, 1)
    port.write(MESSAGE.failed, id, JSON.stringify({ error: functionError(abortReason()), refused: [] }))
  }

  const log: Log = logTo((level, message, fields) =>
    port.write(MESSAGE.log, 0, boundedLog(level, String(message), plainFields(fields))),
  )

  const close = async (): Promise<void> => {
    try {
      await loaded?.shutdown?.()
    } catch (thrown) {
      log.warn(`functions.${place.functionName}: its shutdown failed: ${errorInfo(thrown).message}`)
    }
    process.exit(0)
  }

  process.on('uncaughtExceptionMonitor', thrown => {
    port.write(MESSAGE.dying, 0, JSON.stringify(functionError(thrown)))
  })

  const handlers: Readonly<Record<number, (message: Message) => unknown>> = {
    [MESSAGE.load]: load,
    [MESSAGE.invoke]: receive,
    [MESSAGE.abort]: message => abort(message.id),
    [MESSAGE.sent]: sender.settle,
    [MESSAGE.keysAnswered]: keys.settle,
    [MESSAGE.taken]: pieces.taken,
    [MESSAGE.close]: close,
    [MESSAGE.restore]: () => runHook('afterRestore', systemClock.monotonic()),
  }
  return message => {
    const handle = handlers[message.kind]
    if (!handle) throw new RangeError(`the host sent a message of kind ${message.kind}`)
    handle(message)
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

/** What JSON cannot carry is named rather than lost: a log line never throws. */
const plainFields = (fields: LogFields): LogFields => {
  try {
    return JSON.parse(JSON.stringify(fields))
  } catch (thrown) {
    return { unloggable: errorInfo(thrown).message }
  }
}
