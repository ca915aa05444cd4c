/** One invocation on an environment: the one that was granted, or one that is started for it. */
import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { FunctionSpec, Invocation, Report, Version } from './contract.ts'
import type { Environment, Invoked } from './environment.ts'
import { notReady, type ReportParts, reportOf } from './report.ts'
import { endLines, startLine } from './report-lines.ts'
import type { UsageMeter } from './usage.ts'

export interface RunParts {
  readonly spec: FunctionSpec
  readonly version: () => Version
  readonly clock: Clock
  readonly isClosed: () => boolean
  /** Starts an environment in the place that the slot holds. */
  readonly begin: () => Environment
  readonly log: Log
  readonly usage: UsageMeter
  /** Ends the slot: the environment is free or over. Undefined: none was started. */
  readonly giveBack: (environment: Environment | undefined) => void
  /** It is over, and another one will have its place. */
  readonly onReplaced: (environment: Environment) => void
}

export const runOn = async (
  parts: RunParts,
  warm: Environment | undefined,
  invocation: Invocation,
): Promise<Report> => {
  const { spec, log, usage } = parts
  const { requestId } = invocation
  if (spec.reportLines) log.info(startLine(requestId, parts.version()))
  const report = (warm && (await attemptWarm(parts, warm, invocation))) ?? (await runCold(parts, invocation))
  usage.add(report)
  if (spec.reportLines) for (const line of endLines(requestId, report)) log.info(line)
  return report
}

/** Undefined: the environment had ended before the function saw the request. */
const attemptWarm = async (
  parts: RunParts,
  environment: Environment,
  invocation: Invocation,
): Promise<Report | undefined> => {
  const invoked = await environment.invoke(invocation)
  if (!invoked.begun && !environment.usable() && invoked.outcome.kind !== 'aborted' && !parts.isClosed()) {
    parts.onReplaced(environment)
    return undefined
  }
  parts.giveBack(environment)
  return reportOf(partsOf(parts, environment.id, undefined), invoked)
}

const runCold = async (parts: RunParts, invocation: Invocation): Promise<Report> => {
  const { clock } = parts
  if (parts.isClosed()) {
    parts.giveBack(undefined)
    return reportOf(partsOf(parts, 'none', undefined), NEVER_RAN)
  }
  const startedMs = clock.monotonic()
  const environment = parts.begin()
  const problem = await environment.init()
  const reportParts = partsOf(parts, environment.id, clock.monotonic() - startedMs)
  if (problem) {
    parts.giveBack(environment)
    return parts.isClosed() ? reportOf(reportParts, NEVER_RAN) : notReady(reportParts, problem)
  }
  const invoked = await environment.invoke(invocation)
  parts.giveBack(environment)
  return reportOf(reportParts, invoked)
}

const partsOf = ({ spec, version }: RunParts, environment: string, initMs: number | undefined): ReportParts => ({
  spec,
  version: version(),
  environment,
  initMs,
})

const NEVER_RAN: Invoked = {
  outcome: { kind: 'aborted' },
  durationMs: 0,
  logs: [],
  maxMemoryMb: undefined,
  begun: false,
}
