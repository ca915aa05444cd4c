/**
 * The runtime of an environment that the host talks to by messages: it loads the function once, then runs one request
 * at a time, in the order in which they came.
 */
import { systemClock } from '../../clock.ts'
import { errorInfo } from '../../errors.ts'
import { functionError } from '../../function/errors.ts'
import { type Log, type LogFields, logTo } from '../../log.ts'
import type { ModuleCode } from '../contract.ts'
import { MESSAGE, type Message, type ReadyHeader } from '../wire/message.ts'
import { boundedLog } from './bounded-log.ts'
import type { Place } from './context.ts'
import { createKeys } from './keys.ts'
import { hookFailed, type LoadedFunction, loadFile } from './load.ts'
import { createPieces } from './pieces.ts'
import { createRehearsal } from './rehearsal.ts'
import { createSender } from './sender.ts'
import { createTurns, type Turns } from './turns.ts'

/** The environment's end of what joins it with the host. */
export interface HostPort {
  /** What is written before the environment ends reaches the host. */
  write(kind: number, id: number, header: string, bodies?: readonly Uint8Array[]): void
  /** Notes, before any code of the user sees it, that this request has begun, where the host finds it later. */
  markBegun(request: number): void
  /** Of one that was marked: the host has taken it back, and it is not to begin. */
  isRecalled(request: number): boolean
  /** Milliseconds since the environment was started. */
  ageMs(): number
  /** Called once, a while after the host was told what Init came to: what is not urgent. */
  afterInit(): void
}

/** When the host asked for the function: how old the environment was then, and what the clock said. */
interface Born {
  readonly ageMs: number
  readonly atMs: number
}

/** The first requests are over by then, or there are none. */
const AFTER_INIT_MS = 250

/** Answers with what takes the host's messages. */
export const serve = (port: HostPort): ((message: Message) => void) => {
  let place: Place
  let loaded: LoadedFunction | undefined
  let turns: Turns | undefined
  const sender = createSender(port.write)
  const keys = createKeys(() => place.app, port.write)
  const pieces = createPieces(port.write)

  const load = async (message: Message): Promise<void> => {
    const wanted = JSON.parse(message.header) as { code: ModuleCode; place: Place; timeoutMs: number }
    place = wanted.place
    const { timeoutMs } = wanted
    const born = { ageMs: port.ageMs(), atMs: systemClock.monotonic() }
    turns = createTurns({ ...port, place, timeoutMs, log, pieces, offerKeys: keys.offer, send: sender.send })
    const loading = await loadFile(place.functionName, wanted.code)
    loaded = loading.loaded
    if (!loading.loaded) port.write(MESSAGE.notReady, 0, JSON.stringify(loading.error))
    else if (place.initialization === 'snap-start') await runHook('beforeSnapshot', born)
    else tellReady(born)
    if (loaded) turns.open(loaded)
    systemClock.after(AFTER_INIT_MS, port.afterInit)
  }
  const tellReady = ({ ageMs, atMs }: Born): void => {
    const header: ReadyHeader = { ageMs, importMs: systemClock.monotonic() - atMs }
    port.write(MESSAGE.ready, 0, JSON.stringify(header))
  }
  const runHook = async (what: 'beforeSnapshot' | 'afterRestore', born: Born): Promise<void> => {
    try {
      await loaded?.[what]?.()
    } catch (thrown) {
      port.write(MESSAGE.notReady, 0, JSON.stringify(hookFailed(place.functionName, what, thrown)))
      return
    }
    tellReady(born)
  }

  const log: Log = logTo((level, message, fields) =>
    port.write(MESSAGE.log, 0, boundedLog(level, String(message), plainFields(fields))),
  )

  const given = (): Turns => {
    if (!turns) throw new Error('the host sent a request before Init')
    return turns
  }

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
    [MESSAGE.invoke]: message => given().receive(message),
    [MESSAGE.invokeOnly]: message => given().receive(message),
    [MESSAGE.rehearse]: createRehearsal(port),
    [MESSAGE.abort]: message => given().abort(message.id),
    [MESSAGE.sent]: sender.settle,
    [MESSAGE.keysAnswered]: keys.settle,
    [MESSAGE.taken]: pieces.taken,
    [MESSAGE.close]: close,
    [MESSAGE.restore]: () => runHook('afterRestore', { ageMs: port.ageMs(), atMs: systemClock.monotonic() }),
  }
  return message => {
    const handle = handlers[message.kind]
    if (!handle) throw new RangeError(`the host sent a message of kind ${message.kind}`)
    handle(message)
  }
}

/** What JSON cannot carry is named rather than lost: a log line never throws. */
const plainFields = (fields: LogFields): LogFields => {
  try {
    return JSON.parse(JSON.stringify(fields))
  } catch (thrown) {
    return { unloggable: errorInfo(thrown).message }
  }
}
