/** Forms batches and has them run: as many at once as the mapping may, each as soon as the engine grants an environment. */
import type { Cancel } from '../clock.ts'
import type { InvokedRecord, Report, Slot } from '../engine/contract.ts'
import type { errorInfo } from '../errors.ts'
import { isUnfinished } from './admit.ts'
import type { BatchLimits } from './batcher.ts'
import { openTime } from './breaker.ts'
import { conclude } from './conclude.ts'
import { park, rejectParked } from './ending.ts'
import type { Entry, Scope } from './entry.ts'
import { observe } from './events.ts'
import type { Batch, Flow } from './flow.ts'
import { chargeSuspect, uncharge } from './suspect.ts'

export interface Dispatcher {
  /** Looks again, once in this turn, whether a batch can be run. */
  wake(): void
  /** Forms no more batches; resolves when none runs. */
  stop(): Promise<void>
}

export const startDispatcher = (flow: Flow): Dispatcher => {
  const { clock, engine } = flow.tools
  const stopping = new AbortController()
  const running = new Set<Promise<void>>()
  let scheduled = false
  let acquiring = false
  let cancelTimer: Cancel | undefined

  const wake = (): void => {
    if (scheduled) return
    scheduled = true
    queueMicrotask(look)
  }

  const look = (): void => {
    scheduled = false
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
    wake()
  }

  return {
    wake,
    async stop() {
      stopping.abort()
      cancelTimer?.()
      while (running.size > 0) await Promise.all(running)
    },
  }
}

/** While the breaker is open, one probe at a time; beside a suspect, nothing. */
const concurrency = (flow: Flow): number => {
  for (const { entries } of flow.batches) if (entries[0]?.suspect) return 1
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
  }
}

const probe = (flow: Flow, now: number): readonly Entry[] => {
  if (flow.breaker.state === 'open' && flow.breaker.probeAt > now) return []
  const entry = flow.waiting.takeProbe()
  return entry ? [entry] : []
}

/** Those whose turn it really is. What waits or is parked holds the later ones of its scope back. */
const takeTurns = (flow: Flow, taken: readonly Entry[], now: number): readonly Entry[] => {
  const held = new Set<Scope>()
  const back: Entry[] = []
  const entries = taken.filter(entry => {
    const turn = held.has(entry.scope) ? 'later' : turnOf(flow, entry, now)
    if (turn === 'later') back.push(entry)
    if (entry.scope.name !== null && (turn === 'later' || turn === 'parking')) held.add(entry.scope)
    if (turn === 'ended') flow.waiting.finish([entry])
    return turn === 'now'
  })
  for (const entry of back) entry.part = undefined
  flow.waiting.putBack(back)
  for (const entry of back)
    if (flow.ghosts.has(entry.delivery.record.id)) flow.waiting.block(entry.scope, now + GHOST_PAUSE_MS)
  flow.waiting.finish(back)
  return entries
}

/** Records about which everything is known at their turn need no invocation. */
const turnOf = (flow: Flow, entry: Entry, now: number): 'now' | 'later' | 'parking' | 'ended' => {
  const { delivery } = entry
  const before = flow.settler.remembered(delivery.record.id)
  if (before === 'rejected' || entry.parkedBefore) {
    rejectParked(flow, entry)
    return 'ended'
  }
  if (before === 'accepted') {
    flow.counters.repeated += 1
    flow.settler.settle(entry, { delivery, outcome: 'accepted' })
    return 'ended'
  }
  if (flow.ghosts.has(delivery.record.id)) return 'later'
  const doom = doomOf(flow, entry, now)
  if (!doom) return 'now'
  park(flow, entry, doom.reason, doom.error)
  return 'parking'
}

/** The earlier run of a record whose claim was lost is waited for, so that it never runs twice at once. */
const GHOST_PAUSE_MS = 100

const doomOf = (
  flow: Flow,
  entry: Entry,
  now: number,
): { reason: 'exhausted' | 'crashed' | 'expired' | 'starved'; error: ReturnType<typeof errorInfo> } | undefined => {
  const { policy } = flow.spec
  const { delivery, history } = entry
  const last = history.at(-1)
  const crashed = last !== undefined && isUnfinished(last)
  if (entry.charged >= policy.maxAttempts) {
    return {
      reason: crashed ? 'crashed' : 'exhausted',
      error: last?.error ?? EXHAUSTED_BEFORE,
    }
  }
  const ageMs = flow.tools.clock.now() - delivery.record.time - (openTime(flow.breaker, now) - entry.openMsBefore)
  if (policy.maxAgeMs !== undefined && delivery.replayOf === undefined && ageMs > policy.maxAgeMs) {
    return {
      reason: 'expired',
      error: {
        name: 'RecordExpired',
        code: 'RECORD_EXPIRED',
        message: `the record is ${ageMs} ms old, maxAge is ${policy.maxAgeMs} ms`,
      },
    }
  }
  if (entry.freeSince !== undefined && now - entry.freeSince > policy.maxFreeWaitMs) {
    return {
      reason: 'starved',
      error: {
        name: 'RecordStarved',
        code: 'RECORD_STARVED',
        message: `the record could not be tried properly for ${policy.maxFreeWaitMs} ms (maxFreeWait)`,
      },
    }
  }
  return undefined
}

const EXHAUSTED_BEFORE = {
  name: 'Exhausted',
  message: 'all attempts were used up before this process saw the record',
  code: 'RECORD_FAILED',
} as const

const runBatch = async (flow: Flow, batch: Batch, slot: Slot): Promise<void> => {
  const { suspectTurn } = flow.tools
  const isSuspect = batch.entries[0]?.suspect === true
  if (isSuspect) suspectTurn.take()
  flow.batches.add(batch)
  const report = await invoke(flow, batch, slot)
  flow.batches.delete(batch)
  if (isSuspect) suspectTurn.giveBack()
  for (const { delivery } of batch.entries) flow.ghosts.delete(delivery.record.id)
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
    order: spec.policy.order,
    records: batch.entries.map(entry => invokedRecord(flow, entry)),
    signal: batch.abort.signal,
  })
  // Nothing else begins before: if that ends the process, this record is not to blame.
  if (first?.suspect) await uncharge(flow, first)
  return report
}

const invokedRecord = ({ spec, tools }: Flow, entry: Entry): InvokedRecord => {
  const { record } = entry.delivery
  return {
    record,
    attempt: entry.charged + (entry.suspect ? 0 : 1),
    idempotencyKey: `${spec.app}/${spec.name}/${record.source}/${record.id}`,
    fence: tools.nextFence(),
  }
}

/** A suspect that could not be charged durably, or was lost meanwhile, is not invoked: nothing was learned, nobody is charged. */
const notTried = ({ spec, tools }: Flow): Report => ({
  outcome: { kind: 'aborted' },
  environment: 'none',
  version: tools.engine.version(spec.functionName),
  cold: false,
  durationMs: 0,
  billedMs: 0,
  memoryMb: 0,
  logs: [],
})
