/**
 * One partition while this process owns it: what was fetched and not handed out (the mailbox), what was handed out (the
 * claims), and how far it has come. One lane lives exactly as long as one ownership: a partition that is taken away and
 * comes back is another lane, and verdicts on claims of the old one do nothing.
 *
 *   fetched ──▶ mailbox ──claim──▶ claims ──finish──▶ tracker ──▶ commit
 *                  ▲                  │
 *                  └──── release ─────┘   with everything claimed after it
 */
import { type Bag, createBag, NOWHERE, type Placed } from '../../core/bag.ts'
import type { Delivery, EventRecord, PollRequest, Settlement } from '../../core/contract.ts'
import type { Deferred } from './deferred.ts'
import { isFull, metadataText, type Note } from './metadata.ts'
import { laneName, type TopicPartition } from './place.ts'
import { beginAt, finish, isFinished, type OffsetRun, runsOf, type Tracker, takeIn } from './tracker.ts'

export interface Lane extends TopicPartition {
  /** `topic/partition`. */
  readonly name: string
  tracker: Tracker
  /** Fetched, not claimed, ascending. */
  mailbox: Waiting[]
  mailboxBytes: number
  /** Handed out and unsettled. */
  readonly claims: Bag<Claim>
  /** What is known of unfinished records that came before. */
  readonly notes: Map<number, Note>
  /** The client fetches nothing of it. */
  paused: 'no' | 'full'
  owned: 'yes' | 'no'
  /** Aborted while a rebalance waits for what runs: what does not run is wanted back. */
  recall: AbortController
  /** Of all claims: one signal for a record each would cost more than all else about it. Another one when some are lost. */
  lost: AbortController
  /** Raised by every change that a commit should tell; what the broker has confirmed. */
  version: number
  confirmed: number
  /** The offset the broker has. */
  committed: number
}

export interface Waiting {
  readonly offset: number
  readonly record: EventRecord
  readonly bytes: number
  /** Of a record from a retry topic. */
  readonly deferred?: Deferred
}

export interface Claim extends Waiting, Placed {
  readonly lane: Lane
  readonly attempts: number
  readonly firstSeen: number
  state: 'open' | 'settled' | 'lost'
}

const CLAIM = Symbol('claim')
type Claimed = Delivery & { readonly [CLAIM]: Claim }

export interface LaneStart {
  readonly committed: number
  readonly finished: readonly OffsetRun[]
  readonly notes: ReadonlyMap<number, Note>
}

export const createLane = ({ topic, partition }: TopicPartition, { committed, finished, notes }: LaneStart): Lane => ({
  topic,
  partition,
  name: laneName({ topic, partition }),
  tracker: beginAt(committed, finished),
  mailbox: [],
  mailboxBytes: 0,
  claims: createBag(),
  notes: new Map(notes),
  paused: 'no',
  owned: 'yes',
  recall: new AbortController(),
  lost: new AbortController(),
  version: 0,
  confirmed: 0,
  committed,
})

/** The claim behind a delivery of a Kafka source; undefined for a delivery of another kind. */
export const claimOf = (delivery: Delivery): Claim | undefined => (delivery as Partial<Claimed>)[CLAIM]

/** Takes in what was fetched, up to but without `end`; what was taken in or finished before is dropped. */
export const receive = (lane: Lane, fetched: readonly Waiting[], end: number): void => {
  const before = lane.tracker
  const fresh = fetched.filter(each => each.offset >= before.next && !isFinished(before, each.offset))
  lane.tracker = takeIn(
    before,
    fetched.map(each => each.offset),
    end,
  )
  lane.mailbox.push(...fresh)
  for (const each of fresh) lane.mailboxBytes += each.bytes
  if (lane.tracker.committed !== before.committed) lane.version += 1
}

export type Want = Pick<PollRequest, 'max' | 'maxPerLane' | 'maxBytes'>

/**
 * Claims the first of the mailbox. While more is finished out of order than a commit could tell, only what lies before
 * the last finished record: finishing that makes it less.
 */
export const claim = (lane: Lane, want: Want, nowMs: number): readonly Delivery[] => {
  const { tracker } = lane
  const below = isFull(tracker) ? (tracker.finished.at(-1)?.[0] ?? 0) : Number.POSITIVE_INFINITY
  const most = Math.min(want.max, want.maxPerLane)
  let bodyBytes = 0
  let count = 0
  for (const { offset, record, deferred } of lane.mailbox) {
    if (count >= most || bodyBytes >= want.maxBytes || offset >= below || (deferred?.dueAt ?? 0) > nowMs) break
    bodyBytes += record.body?.length ?? 0
    count += 1
  }
  const taken = lane.mailbox.splice(0, count)
  for (const { bytes } of taken) lane.mailboxBytes -= bytes
  return taken.map(waiting => handOut(lane, waiting, nowMs))
}

const handOut = (lane: Lane, waiting: Waiting, nowMs: number): Delivery => {
  const note = lane.notes.get(waiting.offset) ?? waiting.deferred
  const claimed: Claim = {
    ...waiting,
    lane,
    attempts: note?.attempts ?? 0,
    firstSeen: note?.firstSeen ?? nowMs,
    state: 'open',
    place: NOWHERE,
  }
  lane.claims.add(claimed)
  return new KafkaDelivery(claimed)
}

const LOST = AbortSignal.abort()
/** Never aborted: what was settled in time cannot be lost with its lane. */
const SETTLED = new AbortController().signal

/** A class for its accessors: in an object literal they cost a microsecond for each record, on a prototype nothing. */
class KafkaDelivery implements Delivery {
  readonly record: EventRecord
  readonly lane: string
  readonly attempts: number
  readonly firstSeen: number
  readonly [CLAIM]: Claim

  constructor(claimed: Claim) {
    this.record = claimed.record
    this.lane = claimed.lane.name
    this.attempts = claimed.attempts
    this.firstSeen = claimed.firstSeen
    this[CLAIM] = claimed
  }

  /** What it answers with changes only when what it answered with before is aborted. */
  get lost(): AbortSignal {
    const { state, lane } = this[CLAIM]
    if (state === 'lost') return LOST
    return state === 'settled' && lane.owned === 'no' ? SETTLED : lane.lost.signal
  }

  /** Each recall has another signal. */
  get recalled(): AbortSignal {
    return this[CLAIM].lane.recall.signal
  }
}

/**
 * Applies verdicts on claims of this lane. What was accepted, rejected, or is confirmed in a retry topic, is finished. What was given back goes to the
 * mailbox, with all that was claimed after it: those claims are lost. During a recall it goes back alone, since nothing is
 * handed out that could overtake it.
 */
export const applyVerdicts = (lane: Lane, verdicts: readonly Settlement[]): void => {
  const finished: number[] = []
  const released: number[] = []
  for (const verdict of verdicts) {
    const claimed = claimOf(verdict.delivery)
    if (claimed?.state !== 'open') continue
    if (verdict.outcome !== 'released') {
      finished.push(claimed.offset)
      close(lane, claimed)
      lane.notes.delete(claimed.offset)
    } else {
      lane.notes.set(claimed.offset, { attempts: verdict.attempts, firstSeen: claimed.firstSeen })
      claimed.state = 'settled'
      released.push(claimed.offset)
    }
  }
  lane.tracker = finish(lane.tracker, runsOf(finished))
  if (finished.length === 0 && released.length === 0) return
  lane.version += 1
  if (released.length === 0) return
  const [all, alone] = [Math.min(...released), new Set(released)]
  putBack(lane, lane.recall.signal.aborted ? offset => alone.has(offset) : offset => offset >= all)
}

const close = (lane: Lane, claimed: Claim): void => {
  claimed.state = 'settled'
  lane.claims.remove(claimed)
}

const putBack = (lane: Lane, isBack: (offset: number) => boolean): void => {
  const back = lane.claims.members().filter(({ offset }) => isBack(offset))
  for (const claimed of back) {
    lane.claims.remove(claimed)
    lane.mailboxBytes += claimed.bytes
    if (!lane.notes.has(claimed.offset))
      lane.notes.set(claimed.offset, { attempts: claimed.attempts, firstSeen: claimed.firstSeen })
  }
  const waiting = back.map(({ offset, record, bytes, deferred }) => ({
    offset,
    record,
    bytes,
    ...(deferred ? { deferred } : {}),
  }))
  lane.mailbox = [...waiting, ...lane.mailbox].sort((one, other) => one.offset - other.offset)
  lose(lane, back)
}

/** What does not run is wanted back, because the partition may go to somebody else. */
export const recallLane = (lane: Lane): void => lane.recall.abort()

/** The partition has stayed: what was not given back may wait again. */
export const endRecall = (lane: Lane): void => {
  if (lane.recall.signal.aborted) lane.recall = new AbortController()
}

/** The partition is somebody else's, or is not known to be ours any more. */
export const loseLane = (lane: Lane): void => {
  lane.owned = 'no'
  lane.mailbox = []
  lane.mailboxBytes = 0
  lose(lane, lane.claims.empty())
}

/** To be called last, since whoever listens may ask for more at once. Claims that are not lost have another signal then. */
const lose = (lane: Lane, claims: readonly Claim[]): void => {
  const open = claims.filter(({ state }) => state === 'open')
  for (const claimed of open) claimed.state = 'lost'
  if (open.length === 0 && lane.owned === 'yes') return
  const { lost } = lane
  lane.lost = new AbortController()
  lost.abort()
}

/** What a commit would tell the broker of this lane; undefined when it knows. */
export interface LaneCommit {
  readonly lane: Lane
  readonly version: number
  readonly offset: number
  readonly metadata: string
}

export const commitOf = (lane: Lane): LaneCommit | undefined => {
  if (lane.confirmed === lane.version || lane.owned === 'no') return undefined
  const { version, tracker, notes } = lane
  for (const offset of notes.keys()) if (offset < tracker.committed) notes.delete(offset)
  return { lane, version, offset: tracker.committed, metadata: metadataText(tracker, notes) }
}

export const confirm = ({ lane, version, offset }: LaneCommit): void => {
  lane.confirmed = Math.max(lane.confirmed, version)
  lane.committed = offset
}
