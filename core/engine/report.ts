/** What an invocation came to, as the flow and the console see it. */
import type { ErrorInfo } from '../contract.ts'
import type { ColdStart, FunctionSpec, Report, Version } from './contract.ts'
import type { Invoked } from './environment.ts'
import { gbSeconds } from './usage.ts'

export interface ReportParts {
  readonly spec: FunctionSpec
  readonly version: Version
  readonly environment: string
  /** Undefined when the environment was warm. */
  readonly cold: Cold | undefined
  readonly cpu: Report['cpu'] | undefined
}

/** What came before the first request of an environment, in milliseconds. */
export interface Cold {
  /** Until the environment was ready, `afterRestore` among it. */
  readonly initMs: number
  readonly coldStart: ColdStart | undefined
}

export const reportOf = ({ spec, version, environment, cold, cpu }: ReportParts, invoked: Invoked): Report => {
  const billedMs = Math.ceil(invoked.durationMs + (cold?.initMs ?? 0))
  return {
    outcome: invoked.outcome,
    environment,
    version,
    cold: cold !== undefined,
    durationMs: invoked.durationMs,
    billedMs,
    gbSeconds: gbSeconds(billedMs, spec.memoryMb),
    ...(cold === undefined ? {} : initTimes(cold)),
    ...(cold?.coldStart === undefined ? {} : { coldStart: cold.coldStart }),
    memoryMb: spec.memoryMb,
    ...(invoked.maxMemoryMb === undefined ? {} : { maxMemoryMb: invoked.maxMemoryMb }),
    ...(cpu === undefined ? {} : { cpu }),
    logs: invoked.logs,
  }
}

/** What was restored has had its Init before: its time is no part of this invocation. */
const initTimes = ({ initMs, coldStart }: Cold): Pick<Report, 'initMs' | 'restoreMs'> => {
  const restoreMs = coldStart?.restoreMs
  if (restoreMs === undefined) return { initMs }
  return coldStart?.from === 'snapshot' ? { restoreMs } : { initMs: initMs - restoreMs, restoreMs }
}

/** The report of an invocation that never reached the function. */
export const notReady = (parts: ReportParts, error: ErrorInfo, logs: readonly string[] = []): Report =>
  reportOf(parts, { outcome: { kind: 'not-ready', error }, durationMs: 0, logs, maxMemoryMb: undefined, begun: false })
