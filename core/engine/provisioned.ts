/** Keeps environments past Init, so that the first callers find them warm; one that cannot be made ready is tried again later and later. */
import type { Cancel, Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { FunctionSpec } from './contract.ts'
import type { Environment } from './environment.ts'

export interface Provisioned {
  /** To be called when there may be too few. */
  check(): void
  stop(): void
}

export interface ProvisionedParts {
  readonly spec: Pick<FunctionSpec, 'name' | 'provisioned'>
  readonly clock: Clock
  readonly log: Log
  /** How many there are, those that are being started among them. */
  readonly count: () => number
  /** Undefined: there is no room for another one now; `check` is called when there is. */
  readonly start: () => Environment | undefined
  readonly onReady: (environment: Environment) => void
  readonly onFailed: (environment: Environment) => void
  readonly track: (work: Promise<unknown>) => unknown
}

const FIRST_WAIT_MS = 1_000
const MAX_WAIT_MS = 60_000

export const keepProvisioned = (parts: ProvisionedParts): Provisioned => {
  const { spec, clock, log } = parts
  let failures = 0
  let stopped = false
  let cancelWait: Cancel | undefined

  const check = (): void => {
    while (!stopped && !cancelWait && parts.count() < spec.provisioned) {
      const environment = parts.start()
      if (!environment) return
      parts.track(makeReady(environment))
    }
  }
  const makeReady = async (environment: Environment): Promise<void> => {
    const problem = await environment.init()
    if (!problem) {
      failures = 0
      parts.onReady(environment)
      return
    }
    if (!stopped) waitAfter(problem.message)
    parts.onFailed(environment)
  }
  const waitAfter = (problem: string): void => {
    if (cancelWait) return
    const waitMs = Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** failures)
    failures += 1
    log.warn(
      `functions.${spec.name}: a provisioned environment could not be made ready: ${problem}; tried again in ${waitMs} ms`,
    )
    cancelWait = clock.after(waitMs, () => {
      cancelWait = undefined
      check()
    })
  }

  return {
    check,
    stop() {
      stopped = true
      cancelWait?.()
    },
  }
}
