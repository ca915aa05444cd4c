/** Forms batches and has them run: as many at once as the mapping may, each as soon as the engine grants an environment. */
import { NOWHERE } from '../bag.ts'
import type { Cancel } from '../clock.ts'
import type { InvokedRecord, Report, Slot } from '../engine/contract.ts'
import type { BatchLimits } from './batcher.ts'
import { conclude } from './conclude.ts'
import type { Entry } from './entry.ts'
import { observe } from './events.ts'
import type { Batch, Flow } from './flow.ts'
import { chargeSuspect, uncharge } from './suspect.ts'
import { takeTurns } from './turn.ts'

export interface Dispatcher {
  /** Looks whether a batch can be run. */
  look(): void
  /** Forms no more batches; resolves when none runs. */
  stop(): Promise<void>
}

export const startDispatcher = (flow: Flow): Dispatcher => {
  const { clock, engine } = flow.tools
  const stopping = new AbortController()
  const running = new Set<Promise<void>>()
  let acquiring = false
  let cancelTimer: Cancel | undefined

  const look = (): void => {
    cancelTimer?.()
    cancelTimer = undefined
    if (stopping.signal.aborted || flow.phase !== 'running' || acquiring || flow.batches.size >= concurrency(flow))
      return
    const now = clock.monotonic()
    const at = nextBatchAt(flow, now)
    if (at === undefined) return
    if (at <= now) void acquire()
    else if (Number.isFinite(at)) cancelTimer = clock.after(at - now, flow.changed)
  }

  const acquire = async (): Promise<void> => {
    acquiring = true
    const slot = await engine.acquire(flow.spec.functionName, flow.spec.name, stopping.signal)
    acquiring = false
    if (!slot) return
    const batch = stopping.signal.aborted || flow.phase !== 'running' ? undefined : nextBatch(flow)
    if (batch) {
      const run = runBatch(flow, batch, slot).finally(() => running.delete(run))
      running.add(run)
    } else slot.release()
    flow.changed()
  }

  return {
    look,
    async stop() {
      stopping.abort()
      cancelTimer?.()
      while (running.size > 0) await Promise.all(running)
    },
  }
}

/** While the breaker is open, one probe at a time; beside a suspect, nothing. */
const concurrency = (flow: Flow): number => {
  for (const { entries } of flow.batches.members()) if (entries[0]?.suspect) return 1
  return flow.breaker.state === 'open' ? 1 : flow.spec.policy.maxConcurrency
}

const nextBatchAt = (flow: Flow, now: number): number | undefined => {
  if (flow.breaker.state === 'closed') return flow.waiting.nextAt(limits(flow), now)
  // At that time the pump asks for one record as well, if there is none to probe with.
  if (flow.breaker.probeAt > now) return flow.breaker.probeAt
  return flow.waiting.probes() === 'none' ? undefined : now
}

const limits = ({ spec: { policy }, tools, credit, batches, waiting }: Flow): BatchLimits => {
  const left = credit.left()
  return {
    batchSize: policy.batchSize,
    batchBytes: policy.batchBytes,
    batchWindowMs: policy.batchWindowMs,
    scopes: policy.order === 'lane' ? 'one' : 'many',
    creditUsedUp: left.records === 0 || left.bytes === 0,
    suspects: waiting.suspects === 0 ? 'none' : batches.size === 0 && tools.suspectTurn.isFree() ? 'first' : 'wait',
  }
}

const nextBatch = (flow: Flow): Batch | undefined => {
  const now = flow.tools.clock.monotonic()
  const probing = flow.breaker.state === 'open'
  const taken = probing ? probe(flow, now) : flow.waiting.take(limits(flow), now)
  const entries = takeTurns(flow, taken, now)
  if (entries.length === 0) return undefined
  return {
    requestId: crypto.randomUUID(),
    entries,
    kind: probing ? 'probe' : 'ordinary',
    abort: new AbortController(),
    claimed: entries.length,
    place: NOWHERE,
  }
}

const probe = (flow: Flow, now: number): readonly Entry[] => {
  if (flow.breaker.state === 'open' && flow.breaker.probeAt > now) return []
  const entry = flow.waiting.takeProbe()
  return entry ? [entry] : []
}

const runBatch = async (flow: Flow, batch: Batch, slot: Slot): Promise<void> => {
  const { suspectTurn } = flow.tools
  const isSuspect = batch.entries[0]?.suspect === true
  if (isSuspect) suspectTurn.take()
  flow.batches.add(batch)
  const report = await invoke(flow, batch, slot)
  flow.batches.remove(batch)
  if (isSuspect) suspectTurn.giveBack()
  if (flow.ghosts.size > 0) for (const { delivery } of batch.entries) flow.ghosts.delete(delivery.record.id)
  flow.counters.invocations += 1
  observe('invoked', () => ({
    mapping: flow.spec.name,
    records: batch.entries.map(entry => entry.delivery.record),
    report,
  }))
  conclude(flow, batch, report)
  flow.changed()
}

const invoke = async (flow: Flow, batch: Batch, slot: Slot): Promise<Report> => {
  const [first] = batch.entries
  if (first?.suspect && !(await chargeSuspect(flow, first))) {
    slot.release()
    return notTried(flow)
  }
  if (first?.suspect && batch.abort.signal.aborted) {
    await uncharge(flow, first)
    slot.release()
    return notTried(flow)
  }
  const { spec } = flow
  const report = await slot.invoke({
    requestId: batch.requestId,
    mapping: spec.name,
    channel: spec.channel,
    codec: spec.codec,
    hasSchema: spec.hasSchema,
    ...(spec.events ? { events: spec.events } : {}),
    ...(spec.replayed ? { replayed: true } : {}),
    order: spec.policy.order,
    records: invokedRecords(flow, batch.entries),
    // What ends the process must be this record and nothing that runs before or after it.
    ...(first?.suspect ? { alone: true } : {}),
    signal: batch.abort.signal,
  })
  // Nothing else begins before: if that ends the process, this record is not to blame.
  if (first?.suspect) await uncharge(flow, first)
  return report
}

const invokedRecords = ({ spec, tools }: Flow, entries: readonly Entry[]): readonly InvokedRecord[] => {
  const mapping = `${spec.app}/${spec.name}/`
  // All records share this text: pieced together for each, it outweighed everything else of a waiting invocation.
  const usual = `${mapping}${spec.channel}/`
  const fence = tools.nextFences(entries.length)
  return entries.map(({ delivery: { record, firstSeen }, charged, suspect }, index) => {
    const place = record.source === spec.channel ? usual : `${mapping}${record.source}/`
    const invoked = {
      record,
      attempt: charged + (suspect ? 0 : 1),
      idempotencyKey: place + record.id,
      fence: fence + index,
    }
    return spec.events ? { ...invoked, firstSeen } : invoked
  })
}

/** A suspect that could not be charged durably, or was lost meanwhile, is not invoked: nothing was learned, nobody is charged. */
const notTried = ({ spec, tools }: Flow): Report => ({
  outcome: { kind: 'aborted' },
  environment: 'none',
  version: tools.engine.version(spec.functionName),
  cold: false,
  durationMs: 0,
  billedMs: 0,
  gbSeconds: 0,
  memoryMb: 0,
  logs: [],
})
