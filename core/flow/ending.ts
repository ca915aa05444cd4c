/** How a record leaves the flow: accepted, parked, given back, or lost. Credit is freed exactly once for each. */
import type { DeadLetter, DeadLetterReason, ErrorInfo, Settlement } from '../contract.ts'
import { MillraceError } from '../errors.ts'
import { type Entry, type Scope, scopeText } from './entry.ts'
import { observe } from './events.ts'
import type { Flow } from './flow.ts'
import type { Rejection } from './parker.ts'
import { rememberAttempts, rememberedId } from './suspect.ts'

/** The function processed it. */
export const accept = (flow: Flow, entry: Entry): void =>
  flow.settler.settle(entry, { delivery: entry.delivery, outcome: 'accepted' })

/** It cannot succeed: it goes to the store, and its scope waits until it is there. */
export const park = (flow: Flow, entry: Entry, reason: DeadLetterReason, error: ErrorInfo): void => {
  const rejection = rejectionOf(entry, reason, error)
  flow.parker.park(entry, letterOf(flow, entry, reason, error), rejection)
}

/** It is in the store already; only the source does not know yet. */
export const rejectParked = (flow: Flow, entry: Entry): void => {
  flow.counters.repeated += 1
  flow.settler.settle(
    entry,
    rejectionOf(entry, 'exhausted', { name: 'AlreadyParked', message: 'the record is a dead letter already' }),
  )
}

/** Gives it back to the source with its attempts, at once or after `delayMs`. */
export const giveBack = (flow: Flow, entry: Entry, delayMs: number | undefined): void => {
  const { delivery, charged: attempts } = entry
  // Of failures this is written down already; that it was tried for free is known to nobody else.
  if (entry.freeSince !== undefined) rememberAttempts(flow, entry, waitLeft(flow, entry))
  // Until the source has it, records that come behind it in its scope must wait.
  if (entry.scope.name !== null) {
    entry.held = 'yes'
    flow.waiting.hold(entry)
  }
  flow.settler.settle(
    entry,
    delayMs === undefined
      ? { delivery, outcome: 'released', attempts }
      : { delivery, outcome: 'deferred', attempts, delayMs },
  )
}

const waitLeft = ({ tools }: Flow, { scope: { blockedUntil } }: Entry): number =>
  Number.isFinite(blockedUntil) ? Math.max(0, Math.ceil(blockedUntil - tools.clock.monotonic())) : 0

/** The source took a verdict. */
export const settled = (flow: Flow, entry: Entry, settlement: Settlement): void => {
  count(flow, entry, settlement)
  if (settlement.outcome === 'accepted' && (entry.history.length > 0 || entry.suspect || entry.freeSince !== undefined))
    forgetAttempts(flow, entry)
  observe('settled', () => ({ mapping: flow.spec.name, record: entry.delivery.record, outcome: settlement.outcome }))
  leave(flow, entry)
}

/** The store has it; in its own transaction it may have told the source as well. */
export const parked = (flow: Flow, entry: Entry, rejection: Rejection, how: 'parked' | 'settled'): void => {
  flow.counters.parked += 1
  if (flow.spec.policy.onDeadLetter === 'stop' && entry.scope.name !== null) stopScope(flow, entry)
  if (entry.state === 'parking') flow.waiting.finish([entry])
  // Those of the record itself the store has forgotten with this; a replay's are not under its id.
  if (entry.suspect && entry.delivery.replayOf !== undefined) forgetAttempts(flow, entry)
  observe('parked', () => ({
    mapping: flow.spec.name,
    record: entry.delivery.record,
    reason: rejection.reason.message,
  }))
  if (how === 'settled') {
    observe('settled', () => ({ mapping: flow.spec.name, record: entry.delivery.record, outcome: 'rejected' }))
    leave(flow, entry)
  } else flow.settler.settle(entry, rejection)
  flow.changed()
}

/** The claim is gone. A running batch whose claims are all gone is told so. */
export const lose = (flow: Flow, entry: Entry): void => {
  if (entry.state === 'gone') return
  const { state } = entry
  flow.counters.lost += 1
  if (state === 'waiting') flow.waiting.remove(entry)
  if (state === 'parking') flow.waiting.finish([entry])
  if (state === 'parking' || entry.charged > 0 || entry.suspect) keepInMind(flow, entry)
  if (entry.verdict) flow.settler.remember(entry, entry.verdict)
  leave(flow, entry)
  if (state !== 'running') return
  flow.ghosts.add(entry.delivery.record.id)
  for (const batch of flow.batches.members()) {
    if (!batch.entries.includes(entry)) continue
    batch.claimed -= 1
    if (batch.claimed === 0)
      batch.abort.abort(new MillraceError('SETTLE_FAILED', 'every record of the batch was lost to another owner'))
  }
}

/** One that is forgotten is only tried once more than it would be. */
const LOST_IDS = 100_000

const keepInMind = ({ lostIds }: Flow, { delivery: { record }, history, precharged }: Entry): void => {
  lostIds.set(record.id, precharged === 'yes' ? history.slice(0, -1) : history)
  const oldest = lostIds.size > LOST_IDS ? lostIds.keys().next().value : undefined
  if (oldest !== undefined) lostIds.delete(oldest)
}

const leave = (flow: Flow, entry: Entry): void => {
  if (entry.state === 'gone') return
  entry.state = 'gone'
  if (entry.held === 'yes') flow.waiting.finish([entry])
  forgetClaim(flow, entry)
  flow.credit.release(entry)
  flow.changed()
}

/** A source may have a signal for every record: what was settled leaves nothing behind. */
const forgetClaim = ({ claims }: Flow, entry: Entry): void => {
  const { lost } = entry.delivery
  const claim = claims.get(lost)
  if (!claim?.entries.remove(entry) || claim.entries.size > 0) return
  claim.unwatch()
  claims.delete(lost)
}

const count = ({ counters }: Flow, { filtered }: Entry, settlement: Settlement): void => {
  if (filtered === 'yes') counters.filtered += 1
  else if (settlement.outcome === 'accepted') counters.accepted += 1
  if (settlement.outcome === 'released') counters.released += 1
  if (settlement.outcome === 'deferred') counters.deferred += 1
}

const stopScope = (flow: Flow, entry: Entry): void => {
  const { name } = entry.scope
  if (name === null) return
  flow.stoppedScopes.add(name)
  holdStopped(flow, entry.scope)
  flow.tools.log.warn(`stopped behind a dead letter; replay it, or resume with millrace resume ${flow.spec.name}`, {
    scope: scopeText(name),
    record: entry.delivery.record.id,
  })
}

/** A stopped lane gives back what was claimed of it, so that others may have the credit; keys cannot be left out. */
export const holdStopped = (flow: Flow, scope: Scope): void => {
  flow.waiting.block(scope, Number.POSITIVE_INFINITY)
  if (flow.spec.policy.order !== 'lane') return
  for (const entry of [...scope.queue]) {
    flow.waiting.remove(entry)
    giveBack(flow, entry, undefined)
  }
}

/** A lane whose head waits at least this long gives back what it claimed behind it, so that others may have the credit. */
export const GIVE_BACK_FROM_MS = 1_000

/** In an ordered lane, gives back what stands behind a head that waits. */
export const giveBackBehind = (flow: Flow, head: Entry): void => {
  // Giving back a record gives back all behind it in its lane, also one that is just being parked.
  if (flow.spec.policy.order !== 'lane' || flow.parker.size > 0) return
  for (const entry of head.scope.queue.slice(1)) {
    flow.waiting.remove(entry)
    giveBack(flow, entry, undefined)
  }
}

/** The attempts of a record that has ended are of no more use; forgetting them can wait. */
const forgetAttempts = (flow: Flow, { delivery }: Entry): void => {
  const { record } = delivery
  flow.tools.store.forget(flow.spec.name, record.source, [rememberedId(delivery)]).catch(error => {
    flow.tools.log.warn('attempts of a record that has ended could not be forgotten', { record: record.id, error })
  })
}

const rejectionOf = (entry: Entry, reason: DeadLetterReason, error: ErrorInfo): Rejection => ({
  delivery: entry.delivery,
  outcome: 'rejected',
  reason: new MillraceError('RECORD_FAILED', `${reason}: ${error.name}: ${error.message}`),
})

const letterOf = ({ spec, tools }: Flow, entry: Entry, reason: DeadLetterReason, error: ErrorInfo): DeadLetter => ({
  mapping: spec.name,
  function: { name: spec.functionName, version: tools.engine.version(spec.functionName) },
  group: spec.group,
  kind: spec.kind,
  record: entry.delivery.record,
  reason,
  error,
  attempts: entry.history,
  firstSeen: entry.delivery.firstSeen,
  parkedAt: tools.clock.now(),
  ...(entry.delivery.replayOf === undefined ? {} : { replayOf: entry.delivery.replayOf }),
  ...(spec.policy.onDeadLetter === 'stop' && entry.scope.name !== null ? { stops: entry.scope.name } : {}),
})
