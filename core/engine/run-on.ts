/**
 * One invocation on what a slot was granted: an environment, one that is to be started, or a place behind the request that
 * another one is busy with.
 *
 *   staged ── the environment ended before it began, or the one before it is slow ──▶ waits for a place of its own, before all others
 *   warm ──── the same ──▶ the same
 *   start ─── Init ──▶ invoke
 */
import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { FunctionSpec, Invocation, Report, Version } from './contract.ts'
import type { Environment, Invoked } from './environment.ts'
import type { InitPause } from './init-pause.ts'
import type { Pace } from './pace.ts'
import { type Cold, notReady, type ReportParts, reportOf } from './report.ts'
import { endLines, startLine } from './report-lines.ts'
import type { Staging } from './staging.ts'
import type { UsageMeter } from './usage.ts'

export type Granted =
  /** `direct`: for a caller who does not come again later by himself. */
  | { readonly kind: 'start'; readonly caller?: 'direct' }
  | { readonly kind: 'warm'; readonly environment: Environment }
  | { readonly kind: 'staged'; readonly environment: Environment }

export interface RunParts {
  readonly spec: FunctionSpec
  readonly version: () => Version
  readonly clock: Clock
  readonly isClosed: () => boolean
  /** Starts an environment in the place that the slot holds. */
  readonly begin: () => Environment
  readonly log: Log
  readonly usage: UsageMeter
  readonly initPause: InitPause
  readonly staging: Staging
  readonly pace: Pace
  readonly cpu: () => Report['cpu'] | undefined
  /** Ends the slot: the environment is free or over. Undefined: none was started. */
  readonly giveBack: (environment: Environment | undefined) => void
  /** There may be room behind the request that was just handed over. */
  readonly onBusy: () => void
  /** Waits for another grant, which is never a staged one, before all others; undefined when the pool was closed. */
  readonly again: () => Promise<Granted | undefined>
}

export const runOn = async (parts: RunParts, granted: Granted, invocation: Invocation): Promise<Report> => {
  const { spec, log, usage } = parts
  const { requestId } = invocation
  if (spec.reportLines) log.info(startLine(requestId, parts.version()))
  const report = await run(parts, granted, invocation)
  usage.add(report)
  if (spec.reportLines) for (const line of endLines(requestId, report)) log.info(line)
  return report
}

const run = async (parts: RunParts, first: Granted, invocation: Invocation): Promise<Report> => {
  let granted: Granted | undefined = first
  while (granted && granted.kind !== 'start') {
    const { environment } = granted
    const report = await attempt(parts, granted, invocation)
    if (report) return report
    // In the queue before the place is free: it is for nobody else.
    const next = parts.again()
    parts.giveBack(environment)
    granted = await next
  }
  return granted ? runCold(parts, granted, invocation) : neverRan(parts, 'none')
}

/** Undefined: the function has not seen the request, and another environment is to have it; this one is not given back yet. */
const attempt = async (
  parts: RunParts,
  { kind, environment }: Exclude<Granted, { kind: 'start' }>,
  invocation: Invocation,
): Promise<Report | undefined> => {
  if (parts.isClosed()) {
    parts.giveBack(environment)
    return neverRan(parts, environment.id)
  }
  if (kind === 'staged' && invocation.alone) return undefined
  const invoked = await (kind === 'warm' ? handOver(parts, environment, invocation) : environment.invoke(invocation))
  const lost = !invoked.begun && (invoked.recalled || (!environment.usable() && invoked.outcome.kind !== 'aborted'))
  if (lost && !parts.isClosed()) return undefined
  if (invoked.begun) parts.staging.measured(invoked.tookMs ?? invoked.durationMs)
  parts.giveBack(environment)
  return lost ? neverRan(parts, environment.id) : reportOf(partsOf(parts, environment.id, undefined), invoked)
}

const runCold = async (
  parts: RunParts,
  { caller }: Extract<Granted, { kind: 'start' }>,
  invocation: Invocation,
): Promise<Report> => {
  const { clock } = parts
  if (parts.isClosed()) {
    parts.giveBack(undefined)
    return neverRan(parts, 'none')
  }
  const known = caller === 'direct' ? parts.initPause.problem() : undefined
  if (known) {
    parts.giveBack(undefined)
    return notReady(partsOf(parts, 'none', undefined), known)
  }
  const startedMs = clock.monotonic()
  const environment = parts.begin()
  const begun = parts.pace.begin()
  const problem = await environment.init(invocation)
  begun()
  if (!parts.isClosed()) parts.initPause.note(problem)
  const initMs = clock.monotonic() - startedMs
  const reportParts = partsOf(parts, environment.id, { initMs, coldStart: environment.coldStart?.() })
  if (problem) {
    parts.giveBack(environment)
    return parts.isClosed() ? reportOf(reportParts, NEVER_RAN) : notReady(reportParts, problem)
  }
  const invoked = await handOver(parts, environment, invocation)
  parts.giveBack(environment)
  return reportOf(reportParts, invoked)
}

/** To an environment that has no request; from here on it may have others staged. */
const handOver = (parts: RunParts, environment: Environment, invocation: Invocation): Promise<Invoked> => {
  parts.staging.begin(environment, invocation.alone ? 'alone' : 'shared')
  const invoked = environment.invoke(invocation)
  parts.onBusy()
  return invoked
}

const partsOf = ({ spec, version, cpu }: RunParts, environment: string, cold: Cold | undefined): ReportParts => ({
  spec,
  version: version(),
  environment,
  cold,
  cpu: cpu(),
})

const neverRan = (parts: RunParts, environment: string): Report =>
  reportOf(partsOf(parts, environment, undefined), NEVER_RAN)

const NEVER_RAN: Invoked = {
  outcome: { kind: 'aborted' },
  durationMs: 0,
  logs: [],
  maxMemoryMb: undefined,
  begun: false,
}
