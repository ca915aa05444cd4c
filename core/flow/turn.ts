/** What a record's turn comes to when it is taken for a batch: most are invoked, some need no invocation any more. */
import type { DeadLetterReason, ErrorInfo } from '../contract.ts'
import { isUnfinished } from './admit.ts'
import { park, rejectParked } from './ending.ts'
import type { Entry, Scope } from './entry.ts'
import type { Flow } from './flow.ts'
import type { Policy } from './policy.ts'

/**
 * Of records that were taken, those to be invoked now. Of the others all is known already: they are settled, parked, or
 * put back; what waits or is parked holds the later ones of its scope back.
 */
export const takeTurns = (flow: Flow, taken: readonly Entry[], now: number): readonly Entry[] => {
  const held = new Set<Scope>()
  const begun = new Set<Scope>()
  const back: Entry[] = []
  const entries = taken.filter(entry => {
    const { scope } = entry
    const found = held.has(scope) ? 'later' : turnOf(flow, entry, now)
    // Behind one that runs it is not its turn yet: that may fail, and must not stand behind this one's dead letter.
    const turn = typeof found === 'object' && begun.has(scope) ? 'later' : found
    if (turn === 'later') back.push(entry)
    if (turn === 'ended') flow.waiting.finish([entry])
    if (typeof turn === 'object') park(flow, entry, turn.reason, turn.error)
    if (turn === 'now') begun.add(scope)
    else if (scope.name !== null && turn !== 'ended') held.add(scope)
    return turn === 'now'
  })
  for (const entry of back) entry.part = undefined
  flow.waiting.putBack(back)
  for (const entry of back)
    if (isUndecided(flow, entry.delivery.record.id)) flow.waiting.block(entry.scope, now + UNDECIDED_PAUSE_MS)
  flow.waiting.finish(back)
  return entries
}

/** Records about which everything is known at their turn need no invocation; some are to be parked. */
const turnOf = (flow: Flow, entry: Entry, now: number): 'now' | 'later' | 'ended' | Doom => {
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
  if (isUndecided(flow, delivery.record.id)) return 'later'
  return doomOf(flow, entry, now) ?? 'now'
}

/**
 * Its claim was lost while it ran, or while it was being parked: the end of that is waited for, so that it never runs twice
 * at once, nor when it is a dead letter.
 */
const isUndecided = ({ ghosts, parker }: Flow, recordId: string): boolean =>
  ghosts.has(recordId) || parker.isUnderWay(recordId)

const UNDECIDED_PAUSE_MS = 100

interface Doom {
  readonly reason: DeadLetterReason
  readonly error: ErrorInfo
}

/** Why a record is parked at its turn without being tried; undefined: it may be tried. */
const doomOf = (flow: Flow, entry: Entry, now: number): Doom | undefined => {
  const { policy } = flow.spec
  const { delivery, history } = entry
  const last = history.at(-1)
  if (entry.charged >= policy.maxAttempts) {
    return { reason: last && isUnfinished(last) ? 'crashed' : 'exhausted', error: last?.error ?? EXHAUSTED_BEFORE }
  }
  if (delivery.replayOf !== undefined) {
    // It ended the process while nothing else ran: whoever asked for it decides whether it is to do so again.
    return last && isUnfinished(last) ? { reason: 'crashed', error: last.error } : starvation(entry, policy, now)
  }
  if (entry.unreadable) return { reason: 'undecodable', error: entry.unreadable }
  return expiry(flow, delivery) ?? starvation(entry, policy, now)
}

const expiry = ({ spec, tools, openTime }: Flow, { record }: Entry['delivery']): Doom | undefined => {
  const { maxAgeMs } = spec.policy
  if (maxAgeMs === undefined) return undefined
  const wallNow = tools.clock.now()
  const ageMs = wallNow - record.time - openTime.between(record.time, wallNow)
  if (ageMs <= maxAgeMs) return undefined
  const message = `the record is ${ageMs} ms old, maxAge is ${maxAgeMs} ms`
  return { reason: 'expired', error: { name: 'RecordExpired', code: 'RECORD_EXPIRED', message } }
}

const starvation = (entry: Entry, policy: Policy, now: number): Doom | undefined => {
  // What comes back from its broker is tried once more before: it may have lain there for all that time.
  if (entry.freeSince === undefined || entry.tries <= entry.charged) return undefined
  if (now - entry.freeSince <= policy.maxFreeWaitMs) return undefined
  const message = `the record could not be tried properly for ${policy.maxFreeWaitMs} ms (maxFreeWait)`
  return { reason: 'starved', error: { name: 'RecordStarved', code: 'RECORD_STARVED', message } }
}

const EXHAUSTED_BEFORE: ErrorInfo = {
  name: 'Exhausted',
  message: 'all attempts were used up before this process saw the record',
  code: 'RECORD_FAILED',
}
