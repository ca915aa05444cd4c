/** One row for one record, however often it is parked: what is kept of the earlier letter and taken of the later. */
import type { Attempt, DeadLetter } from '../core/contract.ts'

/** A letter replayed for years stays of a size that can be shown: the first attempts say how it began. */
const FIRST_KEPT = 20
const LAST_KEPT = 80

/**
 * The letter to keep when `later` is parked for the record of `earlier`: the record and the first sight of it stay,
 * attempts are added (one that was there already is not added again; beyond 100 the middle ones go), and reason, error
 * and function are those of the later failure.
 */
export const mergeLetters = (earlier: DeadLetter, later: DeadLetter): DeadLetter => ({
  ...earlier,
  function: later.function,
  group: later.group,
  reason: later.reason,
  error: later.error,
  attempts: mergeAttempts(earlier.attempts, later.attempts),
  firstSeen: Math.min(earlier.firstSeen, later.firstSeen),
  parkedAt: later.parkedAt,
  ...(later.stops === undefined ? {} : { stops: later.stops }),
})

const mergeAttempts = (earlier: readonly Attempt[], later: readonly Attempt[]): readonly Attempt[] => {
  const known = new Set(earlier.map(identity))
  const all = [...earlier, ...later.filter(attempt => !known.has(identity(attempt)))]
  return all.length <= FIRST_KEPT + LAST_KEPT ? all : [...all.slice(0, FIRST_KEPT), ...all.slice(-LAST_KEPT)]
}

const identity = (attempt: Attempt): string => `${attempt.at}/${attempt.number}`
