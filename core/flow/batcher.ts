/** Which records form the next batch, and whether it is time: pure functions over the ready scopes (DESIGN 1.4). */
import type { Scope } from './entry.ts'

export interface BatchLimits {
  readonly batchSize: number
  readonly batchBytes: number
  readonly batchWindowMs: number
  /** `one`: a batch holds records of one scope. `many`: of as many as fit. */
  readonly scopes: 'one' | 'many'
  /** Nothing more can be claimed: waiting for a fuller batch would be waiting for ever. */
  readonly creditUsedUp: boolean
  /**
   * A suspect runs while nothing else does: if the process ends then, it is the one that did it. `wait`: something runs
   * and has to end first; `first`: nothing does; `none`: there is no suspect.
   */
  readonly suspects: 'none' | 'first' | 'wait'
}

/** The first records of some scopes, which together are a batch. */
export interface Plan {
  readonly runs: readonly Run[]
  readonly due: boolean
  /** When it is due for its window, by the monotonic clock; infinite for no records. */
  readonly dueAt: number
}

export interface Run {
  readonly scope: Scope
  readonly count: number
}

const EMPTY: Plan = { runs: [], due: false, dueAt: Number.POSITIVE_INFINITY }

/** Plans the next batch from the heads of the ready scopes, taken in their turns. */
export const planBatch = (ready: Iterable<Scope>, limits: BatchLimits, now: number): Plan => {
  const suspect = limits.suspects === 'none' ? undefined : findSuspect(ready)
  if (suspect)
    return limits.suspects === 'wait' ? EMPTY : { runs: [{ scope: suspect, count: 1 }], due: true, dueAt: now }
  return limits.scopes === 'one' ? planOne(ready, limits, now) : planMany(ready, limits, now)
}

/**
 * Whether the next batch is due whatever it holds, which can be told without planning it: without a window any record
 * that may run is due.
 */
export const isDueAtOnce = (ready: Iterable<Scope>, limits: BatchLimits): boolean => {
  if (limits.batchWindowMs > 0 || limits.suspects !== 'none') return false
  for (const { queue } of ready) if (queue[0] && !queue[0].part) return true
  return false
}

const findSuspect = (ready: Iterable<Scope>): Scope | undefined => {
  for (const scope of ready) if (scope.queue[0]?.suspect) return scope
  return undefined
}

const planOne = (ready: Iterable<Scope>, limits: BatchLimits, now: number): Plan => {
  let soonest = EMPTY
  for (const scope of ready) {
    const plan = planMany([scope], limits, now)
    if (plan.due) return plan
    if (plan.dueAt < soonest.dueAt) soonest = plan
  }
  return soonest
}

const planMany = (ready: Iterable<Scope>, limits: BatchLimits, now: number): Plan => {
  const runs: Run[] = []
  const filling: Filling = { ids: new Set(), bytes: 0, full: false }
  let dueAt = Number.POSITIVE_INFINITY
  for (const scope of ready) {
    const head = scope.queue[0]
    if (!head || head.part || head.suspect) continue
    const count = fill(filling, scope, limits)
    if (count > 0) {
      runs.push({ scope, count })
      dueAt = Math.min(dueAt, head.arrivedAt + limits.batchWindowMs)
    }
    if (filling.full) break
  }
  return { runs, due: runs.length > 0 && (filling.full || limits.creditUsedUp || dueAt <= now), dueAt }
}

interface Filling {
  readonly ids: Set<string>
  bytes: number
  full: boolean
}

/**
 * Adds what fits of a scope's head and tells how many records that is. No two records of a batch have the same id, so
 * that an answer can name each; a suspect and a part of a split batch run by themselves.
 */
const fill = (filling: Filling, scope: Scope, limits: BatchLimits): number => {
  let count = 0
  for (const entry of scope.queue) {
    const { id } = entry.delivery.record
    if (entry.part || entry.suspect || filling.ids.has(id)) return count
    filling.full = filling.ids.size > 0 && filling.bytes + entry.bytes > limits.batchBytes
    if (filling.full) return count
    filling.ids.add(id)
    filling.bytes += entry.bytes
    count += 1
    filling.full = filling.ids.size >= limits.batchSize
    if (filling.full) return count
  }
  return count
}
