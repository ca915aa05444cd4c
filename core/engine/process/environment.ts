/**
 * A function in a process of its own, which is what makes timeout and memory limit true.
 *
 *   init ──▶ ready ──▶ idle ◀──▶ busy ── timeout, memory, crash, grace over ──▶ killed, gone
 *
 * While it is busy there is one `Current`: the first decision about it stands, and it is told once.
 */
import { type Cancel, sleep } from '../../clock.ts'
import type { ErrorInfo } from '../../contract.ts'
import { errorInfo } from '../../errors.ts'
import type { Invocation, Outcome } from '../contract.ts'
import type { Environment, EnvironmentParts, Invoked } from '../environment.ts'
import { ABORT_GRACE_MS, ABORTED, initTimedOut, timedOut } from '../outcomes.ts'
import { invocationOver, type Place } from '../runtime/context.ts'
import { type BeginMark, openBeginMark } from './begin-mark.ts'
import { describeExit, endedBefore, endedDuring, initEnded, memoryMessage, outOfMemory } from './exit.ts'
import { FRAME, type Frame } from './frames.ts'
import { createLink, type Exit, type Link } from './link.ts'
import { privateMemoryMb } from './memory.ts'
import { createOutput } from './output.ts'
import type { Reaper } from './reaper.ts'
import { afterOutput, neverBegan, outcomeOf, writeLog } from './replies.ts'
import { encodeRequest } from './request.ts'
import { decodeSend, encodeSendError } from './send.ts'
import { spawnEnvironment } from './spawn.ts'

interface Current {
  readonly id: number
  readonly invocation: Invocation
  readonly startMs: number
  /** Set when the process is to be killed for it: what will be reported once it is gone. */
  decided: { readonly outcome: Outcome; readonly atMs: number } | undefined
  cancelTimer: Cancel
  readonly settle: (outcome: Outcome, atMs: number) => void
}

const MEMORY_SAMPLE_MS = 100
/** A process that SIGKILL does not end within this hangs in the kernel: it is reported and replaced all the same. */
const KILL_WAIT_MS = 1_000

export const processEnvironment = (parts: EnvironmentParts, reaper: Reaper): Environment => {
  const { spec, clock, id } = parts
  const place: Place = {
    app: parts.app,
    functionName: spec.name,
    version: parts.version,
    memoryMb: spec.memoryMb,
    environment: id,
  }
  const log = parts.log.with({ function: spec.name, environment: id })
  const output = createOutput(log)
  let state: 'new' | 'ready' | 'gone' = 'new'
  let closing = false
  let link: Link | undefined
  let mark: BeginMark | undefined
  let current: Current | undefined
  let requests = 0
  let uncaught: ErrorInfo | undefined
  let maxMemoryMb: number | undefined
  let cancelSample: Cancel | undefined
  let endInit: ((problem: ErrorInfo | undefined) => void) | undefined
  let tellGone = (): void => {}

  const failInit = (message: string): void =>
    endInit?.({ name: 'FunctionInitFailed', code: 'FUNCTION_INIT_FAILED', message })

  const start = (): void => {
    mark = openBeginMark()
    const child = spawnEnvironment(spec, place, mark)
    link = createLink(child, clock, output, onFrame)
    link.ended.then(onEnded)
    if (child.pid !== undefined) reaper.add(child.pid)
    const file = 'file' in spec.code ? spec.code.file : ''
    link.send(FRAME.load, 0, JSON.stringify({ file, place }))
    sampleMemory()
  }

  const onEnded = (exit: Exit): void => {
    const byItself = state === 'ready' && !closing
    state = 'gone'
    cancelSample?.()
    if (link?.pid !== undefined) reaper.remove(link.pid)
    const ending = { exit, lines: output.lines(), uncaught }
    if (endInit) failInit(initEnded(spec, ending))
    else if (current) {
      const { decided } = current
      current.settle(decided?.outcome ?? endedDuring(spec, ending), decided?.atMs ?? clock.monotonic())
    } else if (byItself) {
      log.warn(`functions.${spec.name}: idle, and ${describeExit(ending)}`)
      tellGone()
    }
    mark?.close()
  }

  /** The first decision stands; it is told when the process is gone, with all it had printed. */
  const decide = (outcome: Outcome): void => {
    const mine = current
    if (!mine || mine.decided) return
    const atMs = clock.monotonic()
    mine.decided = { outcome, atMs }
    state = 'gone'
    mine.cancelTimer()
    mine.cancelTimer = clock.after(KILL_WAIT_MS, () => mine.settle(outcome, atMs))
    link?.kill()
  }

  const sampleMemory = (): void => {
    cancelSample = undefined
    const usedMb = link?.pid === undefined ? undefined : privateMemoryMb(link.pid)
    if (usedMb === undefined) return
    maxMemoryMb = Math.max(maxMemoryMb ?? 0, usedMb)
    if (usedMb > spec.memoryMb) {
      const how = `${Math.ceil(usedMb)} MB were in use`
      if (current) decide(outOfMemory(spec, how))
      else if (endInit) failInit(memoryMessage(spec, how))
      else link?.kill()
    } else if (current || endInit) watchMemory()
  }
  /** Only while something runs: what is idle does not grow, and a host with nothing to do sleeps. */
  const watchMemory = (): void => {
    cancelSample ??= clock.after(MEMORY_SAMPLE_MS, sampleMemory)
  }

  const onFrame = (frame: Frame): void => {
    const handle = handlers[frame.kind]
    if (!handle) throw new RangeError(`a frame of kind ${frame.kind}`)
    handle(frame)
  }
  const answered = (frame: Frame): void => {
    if (!current || current.id !== frame.id || current.decided) return
    const { signal } = current.invocation
    current.settle(signal.aborted ? ABORTED : outcomeOf(frame), clock.monotonic())
  }
  const relaySend = async (frame: Frame): Promise<void> => {
    let reply = ''
    try {
      if (!current || current.decided) throw invocationOver(spec.name)
      const { address, records } = decodeSend(frame.header, frame.body)
      await parts.host.send(address, records)
    } catch (thrown) {
      reply = encodeSendError(thrown)
    }
    if (state === 'ready') link?.send(FRAME.sent, frame.id, reply)
  }

  const handlers: Readonly<Record<number, (frame: Frame) => unknown>> = {
    [FRAME.ready]: () => endInit?.(undefined),
    [FRAME.notReady]: frame => endInit?.(JSON.parse(frame.header)),
    [FRAME.answered]: answered,
    [FRAME.failed]: answered,
    [FRAME.mismatch]: answered,
    [FRAME.send]: relaySend,
    [FRAME.log]: frame => writeLog(log, output, frame.header),
    [FRAME.dying]: frame => {
      uncaught = JSON.parse(frame.header)
    },
  }

  const run = (invocation: Invocation, resolve: (invoked: Invoked) => void): void => {
    requests += 1
    const startMs = clock.monotonic()
    const mine: Current = {
      id: requests,
      invocation,
      startMs,
      decided: undefined,
      cancelTimer: clock.after(spec.timeoutMs, () => decide(timedOut(spec, 'its process was killed'))),
      settle: (outcome, atMs) => {
        if (current !== mine) return
        current = undefined
        const begun = state === 'ready' || mark?.read() === mine.id
        mine.cancelTimer()
        invocation.signal.removeEventListener('abort', abort)
        if (maxMemoryMb === undefined) sampleMemory()
        if (closing && state === 'ready') link?.send(FRAME.close, 0, '')
        afterOutput(outcome, () =>
          resolve({ outcome, durationMs: atMs - startMs, logs: output.lines(), maxMemoryMb, begun }),
        )
      },
    }
    const abort = (): void => {
      if (mine.decided) return
      link?.send(FRAME.abort, mine.id, '')
      mine.cancelTimer()
      mine.cancelTimer = clock.after(ABORT_GRACE_MS, () => decide(ABORTED))
    }
    current = mine
    output.begin()
    watchMemory()
    invocation.signal.addEventListener('abort', abort, { once: true })
    const { header, bodies } = encodeRequest(invocation, clock.now() + spec.timeoutMs)
    link?.request(mine.id, header, bodies)
  }

  return {
    id,
    enforces: { timeout: true, memory: true },
    init: () =>
      new Promise(resolve => {
        const cancel = clock.after(spec.initTimeoutMs, () => failInit(initTimedOut(spec)))
        endInit = problem => {
          endInit = undefined
          cancel()
          state = problem ? 'gone' : 'ready'
          if (problem) link?.kill()
          resolve(problem)
        }
        try {
          start()
        } catch (thrown) {
          mark?.close()
          failInit(`functions.${spec.name}: its process could not be started: ${errorInfo(thrown).message}`)
        }
      }),
    invoke: async invocation => {
      if (invocation.signal.aborted) return neverBegan(ABORTED)
      if (state !== 'ready') return neverBegan(endedBefore(spec))
      return new Promise(resolve => run(invocation, resolve))
    },
    usable: () => state === 'ready' && !closing,
    onGone(tell) {
      tellGone = tell
    },
    async close(graceMs) {
      closing = true
      if (!link) return
      if (endInit) link.kill()
      else if (!current && state === 'ready') link.send(FRAME.close, 0, '')
      const cancel = clock.after(graceMs, () => (current ? decide(ABORTED) : link?.kill()))
      const waited = new AbortController()
      await Promise.race([link.ended, sleep(clock, graceMs + KILL_WAIT_MS, waited.signal)])
      waited.abort()
      cancel()
    },
  }
}
