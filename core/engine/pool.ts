/**
 * The environments of one function.
 *
 *   acquire ─┬─ an idle one, the last used first, so that the others go idle and are ended
 *            ├─ none idle, fewer than maxEnvironments: leave to start one, which `invoke` does
 *            └─ neither: wait; mappings take turns
 *
 * `granted` counts slots handed out and not given back, so `idle + granted` never passes maxEnvironments.
 */
import type { Cancel, Clock } from '../clock.ts'
import type { EngineStats, FunctionSpec, Invocation, Report, Slot, Version } from './contract.ts'
import type { Environment, Invoked } from './environment.ts'
import { turnQueue } from './queue.ts'
import { notReady, type ReportParts, reportOf } from './report.ts'

export interface Pool {
  acquire(mapping: string, signal: AbortSignal): Promise<Slot | undefined>
  stats(): EngineStats
  close(graceMs: number): Promise<void>
}

export interface PoolParts {
  readonly spec: FunctionSpec
  readonly version: () => Version
  readonly clock: Clock
  readonly start: () => Environment
}

/** How long the `shutdown` of an environment that is ended for idleness may take: what Lambda gives. */
const IDLE_SHUTDOWN_MS = 2_000

interface Idle {
  readonly environment: Environment
  /** By the monotonic clock, in milliseconds. */
  readonly sinceMs: number
}

export const createPool = ({ spec, version, clock, start }: PoolParts): Pool => {
  const idle: Idle[] = []
  const live = new Set<Environment>()
  const running = new Set<Promise<unknown>>()
  const waiting = turnQueue<(slot: Slot | undefined) => void>()
  let granted = 0
  let coldStarts = 0
  let invocations = 0
  let closed = false
  let reclaim: Cancel | undefined

  const grant = (): Slot | undefined => {
    if (closed) return undefined
    const environment = idle.pop()?.environment
    if (!environment && granted + idle.length >= spec.maxEnvironments) return undefined
    granted += 1
    return slotOf(environment)
  }

  /** A slot has come back: whoever is next in turn gets what is free now. */
  const giveBack = (environment: Environment | undefined): void => {
    granted -= 1
    if (environment?.usable() && !closed) {
      idle.push({ environment, sinceMs: clock.monotonic() })
      armReclaim()
    } else if (environment) live.delete(environment)
    serveWaiting()
  }
  const serveWaiting = (): void => {
    while (waiting.size > 0) {
      const slot = grant()
      if (!slot) return
      waiting.next()?.(slot)
    }
  }

  const slotOf = (warm: Environment | undefined): Slot => {
    let used = false
    const once = (): void => {
      if (used) throw new Error(`a slot of function ${spec.name} was used twice`)
      used = true
    }
    return {
      invoke(invocation) {
        once()
        invocations += 1
        return track(runOn(warm, invocation))
      },
      release() {
        once()
        giveBack(warm)
      },
    }
  }
  const track = <T>(work: Promise<T>): Promise<T> => {
    running.add(work)
    const done = (): void => {
      running.delete(work)
    }
    work.then(done, done)
    return work
  }

  const runOn = async (warm: Environment | undefined, invocation: Invocation): Promise<Report> => {
    if (warm) {
      const report = await attemptWarm(warm, invocation)
      if (report) return report
    }
    return runCold(invocation)
  }

  /** Undefined: the environment had ended before the function saw the request, and nothing was given back. */
  const attemptWarm = async (environment: Environment, invocation: Invocation): Promise<Report | undefined> => {
    const invoked = await environment.invoke(invocation)
    if (!invoked.begun && !environment.usable() && invoked.outcome.kind !== 'aborted' && !closed) {
      live.delete(environment)
      return undefined
    }
    giveBack(environment)
    return reportOf(partsOf(environment, undefined), invoked)
  }

  const runCold = async (invocation: Invocation): Promise<Report> => {
    const startedMs = clock.monotonic()
    const environment = start()
    if (closed) {
      giveBack(undefined)
      return reportOf(partsOf(environment, undefined), NEVER_RAN)
    }
    coldStarts += 1
    live.add(environment)
    environment.onGone(() => dropIdle(environment))
    const problem = await environment.init()
    const initMs = clock.monotonic() - startedMs
    if (problem) {
      giveBack(environment)
      return closed
        ? reportOf(partsOf(environment, initMs), NEVER_RAN)
        : notReady(partsOf(environment, initMs), problem)
    }
    const invoked = await environment.invoke(invocation)
    giveBack(environment)
    return reportOf(partsOf(environment, initMs), invoked)
  }
  const partsOf = (environment: Environment, initMs: number | undefined): ReportParts => ({
    spec,
    version: version(),
    environment: environment.id,
    initMs,
  })

  const dropIdle = (environment: Environment): void => {
    const index = idle.findIndex(candidate => candidate.environment === environment)
    if (index < 0) return
    idle.splice(index, 1)
    live.delete(environment)
    serveWaiting()
  }

  /** One timer for all: the oldest idle environment is the first of the list. */
  const armReclaim = (): void => {
    const oldest = idle[0]
    if (reclaim || !oldest) return
    reclaim = clock.after(Math.max(0, oldest.sinceMs + spec.idleMs - clock.monotonic()), () => {
      reclaim = undefined
      const limitMs = clock.monotonic() - spec.idleMs
      while (idle[0] && idle[0].sinceMs <= limitMs) {
        const expired = idle.shift()?.environment
        if (expired) track(expired.close(IDLE_SHUTDOWN_MS).finally(() => live.delete(expired)))
      }
      armReclaim()
    })
  }

  return {
    acquire(mapping, signal) {
      if (closed || signal.aborted) return NO_SLOT
      if (waiting.size === 0) {
        const slot = grant()
        if (slot) return Promise.resolve(slot)
      }
      return new Promise(resolve => {
        const waiter = (slot: Slot | undefined): void => {
          signal.removeEventListener('abort', giveUp)
          resolve(slot)
        }
        const giveUp = (): void => {
          waiting.remove(mapping, waiter)
          resolve(undefined)
        }
        waiting.add(mapping, waiter)
        signal.addEventListener('abort', giveUp, { once: true })
      })
    },
    stats: () => ({
      environments: live.size,
      busy: granted,
      waiting: waiting.size,
      coldStarts,
      invocations,
    }),
    async close(graceMs) {
      closed = true
      reclaim?.()
      while (waiting.size > 0) waiting.next()?.(undefined)
      idle.length = 0
      await Promise.all([...live].map(environment => environment.close(graceMs)))
      await Promise.allSettled(running)
    },
  }
}

const NO_SLOT = Promise.resolve(undefined)

const NEVER_RAN: Invoked = {
  outcome: { kind: 'aborted' },
  durationMs: 0,
  logs: [],
  maxMemoryMb: undefined,
  begun: false,
}
