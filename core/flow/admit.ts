/** Deliveries become entries: credit is taken, what is known of a record that comes again is looked up. */
import { createBag, NOWHERE } from '../bag.ts'
import { sleep } from '../clock.ts'
import type { Attempt, Delivery } from '../contract.ts'
import type { Recalled } from '../dead-letters.ts'
import { MillraceError, wrapError } from '../errors.ts'
import { keyText } from '../values.ts'
import { accept, giveBack, giveBackBehind, holdStopped, lose } from './ending.ts'
import { bytesOf, type Entry, type Scope } from './entry.ts'
import { observe } from './events.ts'
import { type FilterVerdict, filterAll } from './filter.ts'
import type { Claims, Flow } from './flow.ts'
import type { Order } from './policy.ts'
import { watchRecall } from './recall.ts'
import { delayMs } from './retry.ts'
import { refreshStopped } from './stopped.ts'
import { rememberedId } from './suspect.ts'
import { resumeWait } from './wait-on.ts'
import { within } from './within.ts'

/** At this many claims without a verdict a record is a suspect (DESIGN 1.12). */
export const SUSPECT_DELIVERIES = 3
const RECALL_PAUSE = { initialMs: 200, factor: 2, maxMs: 5_000, jitter: 'full' } as const

/**
 * Lets deliveries in, in their order. Waits for as long as the store cannot tell what it knows of them: invoking a
 * record that may be parked already would be guessing. Stops waiting when `signal` aborts; then they are given back.
 */
export const admit = async (flow: Flow, deliveries: readonly Delivery[], signal: AbortSignal): Promise<void> => {
  if (deliveries.length === 0) return
  // Before anything is waited for: a source that cannot keep its claims for long counts from here, at the latest.
  const now = flow.tools.clock.monotonic()
  const known = await recall(flow, deliveries, signal)
  if (!known) return refuse(flow, deliveries)
  const judged = filterAll(flow, deliveries)
  const verdicts = judged instanceof Promise ? await judged : judged
  const waitOn: Entry[] = []
  for (const [index, delivery] of deliveries.entries()) {
    const recalled = known.size === 0 ? undefined : known.get(rememberedId(delivery))
    const entry = newEntry(flow, delivery, recalled, { now, filter: verdicts[index] ?? 'matches' })
    flow.counters.received += 1
    flow.credit.claim(entry)
    if (entry.filtered === 'yes') {
      passOver(flow, entry)
      continue
    }
    flow.waiting.add(entry)
    watchClaim(flow, entry)
    watchRecall(flow, entry)
    if (resumeWait(flow, entry, recalled?.dueAt) === 'here') waitOn.push(entry)
    if (entry.scope.name !== null && flow.stoppedScopes.has(entry.scope.name)) holdStopped(flow, entry.scope)
  }
  for (const entry of waitOn) giveBackBehind(flow, entry)
  observe('delivered', () => ({ mapping: flow.spec.name, records: deliveries.map(delivery => delivery.record) }))
  flow.changed()
}

/** Nobody waits for it and it waits for nobody: its verdict may overtake those of records before it. */
const passOver = (flow: Flow, entry: Entry): void => {
  watchClaim(flow, entry)
  if (entry.state !== 'gone') accept(flow, entry)
}

/** Nothing is known of them, so they go back as they came: a paused source would keep them claimed for ever. */
const refuse = (flow: Flow, deliveries: readonly Delivery[]): void => {
  for (const delivery of deliveries) {
    const entry = newEntry(flow, delivery, undefined, { now: flow.tools.clock.monotonic(), filter: 'matches' })
    flow.credit.claim(entry)
    watchClaim(flow, entry)
    if (entry.state !== 'gone') giveBack(flow, entry, undefined)
  }
}

interface Arrival {
  readonly now: number
  readonly filter: FilterVerdict
}

const newEntry = (flow: Flow, delivery: Delivery, known: Recalled | undefined, { now, filter }: Arrival): Entry => {
  const { id } = delivery.record
  const ours = flow.lostIds.size === 0 ? undefined : flow.lostIds.get(id)
  const history = laterOf(known?.attempts ?? NO_ATTEMPTS, ours)
  if (ours) flow.lostIds.delete(id)
  return {
    delivery,
    scope: scopeOf(flow, delivery),
    bytes: bytesOf(delivery),
    arrivedAt: now,
    charged: Math.max(delivery.attempts, history.length),
    history,
    tries: Math.max(delivery.attempts, history.length),
    freeSince: freeSinceOf(flow, known),
    probes: 0,
    precharged: 'no',
    // A replay is parked, that is what it is a replay of.
    parkedBefore: known?.parked === true && delivery.replayOf === undefined,
    suspect: evidence(flow, delivery) >= SUSPECT_DELIVERIES || history.some(isUnfinished),
    unreadable: typeof filter === 'object' ? filter.error : undefined,
    filtered: filter === 'filtered' ? 'yes' : 'no',
    part: undefined,
    state: 'waiting',
    verdict: undefined,
    held: 'no',
    place: NOWHERE,
  }
}

/** By the monotonic clock: what an earlier process, or this one before it gave the record back, has written down. */
const freeSinceOf = ({ tools: { clock } }: Flow, known: Recalled | undefined): number | undefined =>
  known?.freeSince === undefined ? undefined : clock.monotonic() - Math.max(0, clock.now() - known.freeSince)

/**
 * Claims on it that ended without a verdict. Where the broker does not count them, the first records after a start are
 * those that may have been in flight when the process ended: as many as there is credit for.
 */
const evidence = ({ counters, spec, tools }: Flow, { priorDeliveries }: Delivery): number =>
  priorDeliveries ?? (counters.received < spec.policy.maxInFlight ? tools.crashes() : 0)

const NO_ATTEMPTS: readonly Attempt[] = []

/**
 * What this process knows of a record it lost goes before what the store does, which may still have the charge of a run
 * that has not ended or was taken back; unless another process has tried the record since.
 */
const laterOf = (stored: readonly Attempt[], ours: readonly Attempt[] | undefined): readonly Attempt[] =>
  ours === undefined || finished(stored) > finished(ours) ? stored : ours

const finished = (attempts: readonly Attempt[]): number => attempts.filter(attempt => !isUnfinished(attempt)).length

/** An attempt that was charged before its invocation and never ended: the process did. */
export const isUnfinished = (attempt: Attempt): boolean => attempt.durationMs === undefined

const scopeOf = (flow: Flow, delivery: Delivery): Scope =>
  flow.waiting.scope(scopeName(flow.spec.policy.order, delivery), delivery.lane)

/** The sequence a record belongs to, by the order the mapping asks for; null: none, a record without a key included. */
export const scopeName = (order: Order, { lane, record }: Pick<Delivery, 'lane' | 'record'>): string | null => {
  if (order === 'none') return null
  if (order === 'lane') return lane
  const key = keyText(record.key)
  return key === null ? null : `${lane}\u0000${key}`
}

/**
 * Sources share one signal among the records of a lane: one listener each, however many records. When only some of them
 * are lost, the others have another signal from then on.
 */
const watchClaim = (flow: Flow, entry: Entry): void => {
  const { lost } = entry.delivery
  if (lost.aborted) lose(flow, entry)
  else claimsOf(flow, lost).entries.add(entry)
}

/** Listens to a signal from its first claim on. */
const claimsOf = (flow: Flow, lost: AbortSignal): Claims => {
  const known = flow.claims.get(lost)
  if (known) return known
  const entries = createBag<Entry>()
  const loseAll = (): void => {
    flow.claims.delete(lost)
    for (const watched of entries.empty()) if (watched.state !== 'gone') watchClaim(flow, watched)
  }
  const claims: Claims = { entries, unwatch: () => lost.removeEventListener('abort', loseAll) }
  lost.addEventListener('abort', loseAll, { once: true })
  flow.claims.set(lost, claims)
  return claims
}

const recall = async (
  flow: Flow,
  deliveries: readonly Delivery[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Recalled> | undefined> => {
  const freshFrom = flow.tools.clock.now() - FRESH_MS
  const ids = deliveries
    .filter(delivery => mayHaveComeBefore(flow, delivery, freshFrom) || flow.lostIds.has(delivery.record.id))
    .map(rememberedId)
  const { clock, random, log, store } = flow.tools
  const { settleTimeoutMs: timeoutMs, onDeadLetter } = flow.spec.policy
  if (ids.length === 0 && onDeadLetter === 'continue') return NOTHING_KNOWN
  for (let tries = 1; !signal.aborted; tries += 1) {
    try {
      // A lane that was somebody else's a moment ago may have stopped there.
      await refreshStopped(flow)
      if (ids.length === 0) return NOTHING_KNOWN
      const asked = store.recall(flow.spec.name, flow.spec.channel, ids)
      return await within(clock, timeoutMs, asked, () => silent(timeoutMs))
    } catch (error) {
      flow.lastError = wrapError('STATE_UNAVAILABLE', 'looking up what is known of redelivered records', error)
      log.warn('the dead letter store does not answer; records wait', { error: flow.lastError })
      await sleep(clock, delayMs({ tries, charge: 'free' }, RECALL_PAUSE, random()), signal)
    }
  }
  return undefined
}

const silent = (timeoutMs: number): MillraceError =>
  new MillraceError('STATE_UNAVAILABLE', `the dead letter store has not answered within ${timeoutMs} ms`)

const NOTHING_KNOWN: ReadonlyMap<string, Recalled> = new Map()

/**
 * A source that counts deliveries tells a new record from one that comes again, and so does when it was first seen; of
 * others nothing is known, nor of ordered ones, where releasing a record gives back those behind it without a count and
 * with the attempts they came with. Of a replay only whether it ended the process counts.
 */
const mayHaveComeBefore = ({ source }: Flow, delivery: Delivery, freshFrom: number): boolean => {
  const { record, attempts, priorDeliveries, replayOf, firstSeen } = delivery
  if (replayOf !== undefined) return (priorDeliveries ?? 0) >= SUSPECT_DELIVERIES
  if (record.idStrength === 'weak') return false
  const isFresh = priorDeliveries === 0 && attempts === 0 && firstSeen > freshFrom
  return source.ordered || !isFresh
}

/** A record that was first seen so long ago came before; a new one is let in sooner. */
const FRESH_MS = 1_000
