/**
 * A function in any language: a program that asks for its requests over the Lambda Runtime API.
 *
 *   start ── next ──▶ idle ── request taken ──▶ busy ── response, error ──▶ answered ── next ──▶ idle
 *     └── init/error, end, initTimeout ──▶ gone    └── timeout, memory, end, grace over ──▶ killed, gone
 *
 * An answer is told at once. The request after it waits until the program asks for it; its time counts from there.
 */
import { type Cancel, sleepUnless } from '../../clock.ts'
import type { ErrorInfo } from '../../contract.ts'
import { errorInfo } from '../../errors.ts'
import type { Invocation, Outcome, Program } from '../contract.ts'
import type { Environment, EnvironmentParts, Invoked } from '../environment.ts'
import type { Exit } from '../hosting/carrier.ts'
import { endedBefore, memoryMessage, outOfMemory } from '../hosting/exit.ts'
import { createOutput } from '../hosting/output.ts'
import { afterOutput, neverBegan } from '../hosting/replies.ts'
import type { Confinement, Limits } from '../limits/limits.ts'
import { watchMemory } from '../limits/memory-watch.ts'
import { ABORT_GRACE_MS, ABORTED, timedOut } from '../outcomes.ts'
import { placeOf } from '../place.ts'
import { attachOutput, type HeldProcess, holdProcess, spawnOr } from '../process/held.ts'
import type { Reaper } from '../process/reaper.ts'
import { outcomeOf } from './answer.ts'
import { type Event, eventOf } from './event.ts'
import { describeExit, endedDuring, initEnded } from './exit.ts'
import { requestHeaders } from './headers.ts'
import { reportedError } from './reported.ts'
import { openRuntimeApi, type RuntimeApi } from './server.ts'
import { startProgram } from './start.ts'

interface Current {
  readonly id: string
  readonly event: Event
  begun: boolean
  /** Set when the program is to be killed for it: what will be reported once it is gone. */
  decided: { readonly outcome: Outcome; readonly atMs: number } | undefined
  startMs: number
  cancelTimer: Cancel
  readonly settle: (outcome: Outcome, atMs: number) => void
}

/** A process that SIGKILL does not end within this hangs in the kernel: it is reported and replaced all the same. */
const KILL_WAIT_MS = 1_000

export interface ProgramParts {
  readonly program: Program
  readonly reaper: Reaper
  readonly limits: Limits
}

export const runtimeApiEnvironment = (
  parts: EnvironmentParts,
  { program, reaper, limits }: ProgramParts,
): Environment => {
  const { spec, clock, id } = parts
  const place = placeOf(parts)
  const log = parts.log.with({ function: spec.name, environment: id })
  const output = createOutput(log, clock)
  let state: 'new' | 'ready' | 'gone' = 'new'
  let closing = false
  let held: HeldProcess | undefined
  let confinement: Confinement | undefined
  let api: RuntimeApi | undefined
  let current: Current | undefined
  let endInit: ((problem: ErrorInfo | undefined) => void) | undefined
  let tellGone = (): void => {}
  let page = output.begin()

  const failInit = (message: string): void =>
    endInit?.({ name: 'FunctionInitFailed', code: 'FUNCTION_INIT_FAILED', message })

  const start = async (): Promise<void> => {
    const opened = await openRuntimeApi({
      ready() {
        confinement?.ready()
        endInit?.(undefined)
      },
      initFailed: reported =>
        failInit(`functions.${spec.name}: its Init failed: ${errorText(reportedError(reported))}`),
      answered(requestId, answered) {
        confinement?.idle()
        if (!current || current.id !== requestId || current.decided) return
        current.settle(outcomeOf(answered, current.event), clock.monotonic())
      },
    })
    if (!endInit || closing) return opened.close()
    api = opened
    const confined = limits.confine({ id, memoryMb: spec.memoryMb })
    confinement = confined
    const { folder } = confined
    const child = spawnOr(confined.leave, () => startProgram({ spec, program, place, folder, address: opened.address }))
    attachOutput(child, output)
    held = holdProcess(child, { clock, confinement, reaper })
    void held.ended.then(onEnded)
    // It runs from its start on, and stands still for the moment until its limits hold.
    held.signal('SIGSTOP')
    await held.entered
    held.signal('SIGCONT')
    memory.watch()
  }

  const onEnded = (exit: Exit): void => {
    const byItself = state === 'ready' && !closing
    state = 'gone'
    memory.stop()
    api?.close()
    held?.forget()
    const ending = { exit, lines: page.lines() }
    if (endInit) failInit(initEnded(spec, ending))
    else if (current) {
      const { decided, begun, settle } = current
      const outcome = decided?.outcome ?? (begun ? endedDuring(spec, ending) : endedBefore(spec))
      settle(outcome, decided?.atMs ?? clock.monotonic())
    } else if (byItself) {
      log.warn(`functions.${spec.name}: idle, and ${describeExit(exit)}`)
      tellGone()
    }
  }

  /** The first decision stands; it is told when the program is gone, with all it had printed. */
  const decide = (outcome: Outcome): void => {
    const mine = current
    if (!mine || mine.decided) return
    const atMs = clock.monotonic()
    mine.decided = { outcome, atMs }
    state = 'gone'
    mine.cancelTimer()
    mine.cancelTimer = clock.after(KILL_WAIT_MS, () => mine.settle(outcome, atMs))
    held?.kill()
  }

  const memory = watchMemory({
    clock,
    limitMb: spec.memoryMb,
    // The program may be a script of a shell, which has started what does the work.
    usedMb: () => held?.familyMemoryMb(),
    isBusy: () => current !== undefined || endInit !== undefined,
    over(how) {
      if (current) decide(outOfMemory(spec, how))
      else if (endInit) failInit(memoryMessage(spec, how))
      else held?.kill()
    },
  })

  const run = (invocation: Invocation, event: Event, body: string, resolve: (invoked: Invoked) => void): void => {
    const mine: Current = {
      // It stands in a header and in paths.
      id: encodeURIComponent(invocation.requestId),
      event,
      begun: false,
      decided: undefined,
      startMs: clock.monotonic(),
      // What it does after its last answer has kept it from asking for this one: another environment gets it.
      cancelTimer: clock.after(spec.timeoutMs, () => decide(endedBefore(spec))),
      settle: (outcome, atMs) => {
        if (current !== mine) return
        current = undefined
        mine.cancelTimer()
        invocation.signal.removeEventListener('abort', abort)
        const maxMemoryMb = memory.mostMb(atMs - mine.startMs)
        if (closing && state === 'ready') held?.signal('SIGTERM')
        const final = invocation.signal.aborted ? ABORTED : outcome
        const { begun, startMs } = mine
        afterOutput(final, output, () =>
          resolve({ outcome: final, durationMs: atMs - startMs, logs: page.lines(), maxMemoryMb, begun }),
        )
      },
    }
    const abort = (): void => {
      if (mine.decided) return
      mine.cancelTimer()
      if (!mine.begun) {
        api?.withdraw()
        mine.settle(ABORTED, clock.monotonic())
        return
      }
      // The protocol has no word for it: what does not end by itself is ended.
      mine.cancelTimer = clock.after(ABORT_GRACE_MS, () => decide(ABORTED))
    }
    current = mine
    memory.watch()
    invocation.signal.addEventListener('abort', abort, { once: true })
    api?.give({
      id: mine.id,
      take() {
        mine.begun = true
        confinement?.busy()
        page = output.begin()
        mine.startMs = clock.monotonic()
        mine.cancelTimer()
        mine.cancelTimer = clock.after(spec.timeoutMs, () => decide(timedOut(spec, 'its process was killed')))
        return { headers: requestHeaders(mine.id, invocation, place, clock.now() + spec.timeoutMs), body }
      },
    })
  }

  return {
    id,
    init: () =>
      new Promise(resolve => {
        const cancel = clock.after(spec.initTimeoutMs, () => failInit(initTimedOut(spec.name, spec.initTimeoutMs)))
        endInit = problem => {
          endInit = undefined
          cancel()
          state = problem ? 'gone' : 'ready'
          if (problem) held?.kill()
          resolve(problem)
        }
        start().catch(thrown =>
          failInit(`functions.${spec.name}: its process could not be started: ${errorInfo(thrown).message}`),
        )
      }),
    async invoke(invocation) {
      if (invocation.signal.aborted) return neverBegan(ABORTED)
      const event = await eventOf(spec.name, invocation)
      if ('kind' in event) return neverBegan(event)
      const { text, refused } = event
      if (text === undefined) return neverBegan({ kind: 'answered', value: null, refused })
      if (state !== 'ready') return neverBegan(endedBefore(spec))
      return new Promise(resolve => run(invocation, event, text, resolve))
    },
    takesNext: () => false,
    usable: () => state === 'ready' && !closing,
    onGone(tell) {
      tellGone = tell
    },
    async close(graceMs) {
      closing = true
      if (endInit) failInit(`functions.${spec.name}: the app was stopped while it started`)
      if (!held) return
      if (!current && state === 'ready') held.signal('SIGTERM')
      const cancel = clock.after(graceMs, () => (current ? decide(ABORTED) : held?.kill()))
      await sleepUnless(clock, graceMs + KILL_WAIT_MS, held.ended)
      cancel()
    },
  }
}

const errorText = ({ name, message }: ErrorInfo): string => `${name}: ${message}`

const initTimedOut = (name: string, timeoutMs: number): string =>
  `functions.${name}: its program did not ask for a request within ${timeoutMs} ms (initTimeout); it is to ask at AWS_LAMBDA_RUNTIME_API: GET /2018-06-01/runtime/invocation/next`
