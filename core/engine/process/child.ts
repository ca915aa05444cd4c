/**
 * The runtime: the first module of an environment's process. It loads the function once, then runs one request at a
 * time, and ends with its host.
 */
import { flushCompileCache } from 'node:module'
import { systemClock } from '../../clock.ts'
import type { OutgoingRecord } from '../../contract.ts'
import { errorInfo } from '../../errors.ts'
import { functionError } from '../../function/errors.ts'
import { type Log, type LogFields, logTo } from '../../log.ts'
import { answerText } from '../runtime/answer.ts'
import { createContext, invocationOver, type Place } from '../runtime/context.ts'
import { type LoadedFunction, loadFile } from '../runtime/load.ts'
import { type RunResult, runInvocation } from '../runtime/run.ts'
import { markBegun } from './begin-mark.ts'
import { FRAME, type Frame } from './frames.ts'
import { openHostLink } from './host-link.ts'
import { decodeRequest } from './request.ts'
import { decodeSendError, encodeSend } from './send.ts'

interface Running {
  readonly id: number
  controller: AbortController | undefined
  aborted: boolean
  over: boolean
}

interface PendingSend {
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

// Meant for Node, which has read it: not part of what a function sees, nor what it starts.
delete process.env.NODE_COMPILE_CACHE

/**
 * The pipes for output are sockets, on which Node queues in memory what they do not take: a handler that prints and then
 * loops would lose its last words, and one that prints without end its memory. Written through, it waits instead.
 */
for (const stream of [process.stdout, process.stderr])
  (stream as { _handle?: { setBlocking?(on: boolean): void } })._handle?.setBlocking?.(true)

let place: Place
let loaded: LoadedFunction | undefined
let running: Running | undefined
let sends = 0
const pendingSends = new Map<number, PendingSend>()

const handlers: Readonly<Record<number, (frame: Frame) => unknown>> = {
  [FRAME.load]: frame => load(frame),
  [FRAME.invoke]: frame => invoke(frame),
  [FRAME.abort]: frame => abort(frame.id),
  [FRAME.sent]: frame => settleSend(frame),
  [FRAME.close]: () => close(),
}

const link = openHostLink(frame => {
  const handle = handlers[frame.kind]
  if (!handle) throw new RangeError(`the host sent a frame of kind ${frame.kind}`)
  handle(frame)
})

process.on('uncaughtExceptionMonitor', thrown => {
  link.write(FRAME.dying, 0, JSON.stringify(functionError(thrown)))
})

const load = async (frame: Frame): Promise<void> => {
  const header = JSON.parse(frame.header) as { file: string; place: Place }
  place = header.place
  const loading = await loadFile(place.functionName, header.file)
  loaded = loading.loaded
  if (loading.loaded) link.write(FRAME.ready, 0, '')
  else link.write(FRAME.notReady, 0, JSON.stringify(loading.error))
  // Environments are killed rather than ended, and Node writes its cache only when it ends.
  flushCompileCache()
}

const invoke = async (frame: Frame): Promise<void> => {
  if (!loaded) throw new Error('the host sent a request before Init')
  const mine: Running = { id: frame.id, controller: undefined, aborted: false, over: false }
  running = mine
  const { request, deadline, readText } = decodeRequest(frame.header, frame.body)
  const context = createContext({
    place,
    request,
    deadline,
    clock: systemClock,
    signal: () => signalOf(mine),
    log: () => log,
    send: (address, records) => send(mine, address, records),
  })
  const result = await runInvocation(loaded, { request, context, readText, begin: () => markBegun(frame.id) })
  mine.over = true
  const reply = replyOf(result)
  link.write(reply.kind, frame.id, reply.header, reply.bodies)
}

interface Reply {
  readonly kind: number
  readonly header: string
  readonly bodies?: readonly Uint8Array[]
}

const replyOf = (result: RunResult): Reply => {
  if (result.kind === 'not-ready') return { kind: FRAME.mismatch, header: JSON.stringify(result.error) }
  const { refused } = result
  if (result.kind === 'failed') return { kind: FRAME.failed, header: JSON.stringify({ error: result.error, refused }) }
  const answer = answerText(result.value)
  if (answer.error) return { kind: FRAME.failed, header: JSON.stringify({ error: answer.error, refused }) }
  const header = refused.length === 0 ? '' : JSON.stringify(refused)
  return { kind: FRAME.answered, header, bodies: answer.text === undefined ? [] : [Buffer.from(answer.text)] }
}

const signalOf = (mine: Running): AbortSignal => {
  mine.controller ??= new AbortController()
  if (mine.aborted && !mine.controller.signal.aborted) mine.controller.abort(abortReason())
  return mine.controller.signal
}

const abort = (id: number): void => {
  if (running?.id !== id) return
  running.aborted = true
  running.controller?.abort(abortReason())
}

const abortReason = (): DOMException =>
  new DOMException('the claims on these records were lost, or the app is stopped', 'AbortError')

const send = (mine: Running, address: string, records: readonly OutgoingRecord[]): Promise<void> => {
  if (mine.over || mine.aborted) return Promise.reject(invocationOver(place.functionName))
  sends += 1
  const id = sends
  const { header, bodies } = encodeSend(address, records)
  return new Promise((resolve, reject) => {
    pendingSends.set(id, { resolve, reject })
    link.write(FRAME.send, id, header, bodies)
  })
}

const settleSend = (frame: Frame): void => {
  const pending = pendingSends.get(frame.id)
  pendingSends.delete(frame.id)
  const error = decodeSendError(frame.header)
  if (error) pending?.reject(error)
  else pending?.resolve()
}

const log: Log = logTo((level, message, fields) =>
  link.write(FRAME.log, 0, JSON.stringify({ level, message: String(message), fields: plainFields(fields) })),
)

/** What JSON cannot carry is named rather than lost: a log line never throws. */
const plainFields = (fields: LogFields): LogFields => {
  try {
    return JSON.parse(JSON.stringify(fields))
  } catch (thrown) {
    return { unloggable: errorInfo(thrown).message }
  }
}

const close = async (): Promise<void> => {
  try {
    await loaded?.shutdown?.()
  } catch (thrown) {
    log.warn(`functions.${place.functionName}: its shutdown failed: ${errorInfo(thrown).message}`)
  }
  process.exit(0)
}
