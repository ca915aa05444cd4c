/** What an invocation came to, as the flow and the console see it. */
import type { ErrorInfo } from '../contract.ts'
import type { FunctionSpec, Report, Version } from './contract.ts'
import type { Invoked } from './environment.ts'
import { gbSeconds } from './usage.ts'

export interface ReportParts {
  readonly spec: FunctionSpec
  readonly version: Version
  readonly environment: string
  /** Milliseconds of Init; undefined when the environment was warm. */
  readonly initMs: number | undefined
  readonly cpu: Report['cpu'] | undefined
}

export const reportOf = ({ spec, version, environment, initMs, cpu }: ReportParts, invoked: Invoked): Report => {
  const billedMs = Math.ceil(invoked.durationMs + (initMs ?? 0))
  return {
    outcome: invoked.outcome,
    environment,
    version,
    cold: initMs !== undefined,
    durationMs: invoked.durationMs,
    billedMs,
    gbSeconds: gbSeconds(billedMs, spec.memoryMb),
    ...(initMs === undefined ? {} : { initMs }),
    memoryMb: spec.memoryMb,
    ...(invoked.maxMemoryMb === undefined ? {} : { maxMemoryMb: invoked.maxMemoryMb }),
    ...(cpu === undefined ? {} : { cpu }),
    logs: invoked.logs,
  }
}

/** The report of an invocation that never reached the function. */
export const notReady = (parts: ReportParts, error: ErrorInfo, logs: readonly string[] = []): Report =>
  reportOf(parts, { outcome: { kind: 'not-ready', error }, durationMs: 0, logs, maxMemoryMb: undefined, begun: false })
