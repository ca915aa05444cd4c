/**
 * The records of a mapping that are claimed and not running.
 *
 * Every record stands in a scope: its lane, its key, or one of its own where there is no order. A scope hands out its
 * head only, is busy while its records run, and blocked while its head waits for a retry:
 *
 *   ready ──take──▶ busy ──finish──▶ ready         (queue not empty)
 *     ▲               └─putBack, block──▶ blocked ──its time──▶ ready
 */

import { createHeap } from '../heap.ts'
import { type BatchLimits, isDueAtOnce, planBatch } from './batcher.ts'
import type { Entry, Part, Scope } from './entry.ts'

export interface Waiting {
  readonly size: number
  /** How many of them are suspects. */
  readonly suspects: number
  /** Finds or makes the scope a new record stands in. `name` null: alone. */
  scope(name: string | null, lane: string): Scope
  /** A record that was just claimed, behind all others of its scope. */
  add(entry: Entry): void
  /** Records that ran and are to run again, in their order, before all others of their scopes. */
  putBack(entries: readonly Entry[]): void
  /** Holds a scope's head back until `until`, by the monotonic clock. */
  block(scope: Scope, until: number): void
  /** Records that were taken have ended or were put back: call it once for each, then their scopes may go on. */
  finish(entries: readonly Entry[]): void
  /** Parts of a split batch, to be run before anything else, each as it is; their records were put back. */
  addParts(parts: readonly Part[]): void
  /** Keeps a scope from going on while one of its records, which was taken out, is on its way back to the source. */
  hold(entry: Entry): void
  /** Takes a record out that was lost, or is to be given back. */
  remove(entry: Entry): void
  /** The records of the next batch, now busy; empty when none is due at `now`. */
  take(limits: BatchLimits, now: number): readonly Entry[]
  /** One record to probe an open breaker with, another one each time; none that is held back for good. */
  takeProbe(): Entry | undefined
  /** `fresh`: a probe can be made with a record that was in none yet. */
  probes(): 'fresh' | 'stale' | 'none'
  /** When the next batch can be due if nothing else happens; undefined: never. */
  nextAt(limits: BatchLimits, now: number): number | undefined
  /** Scopes whose head waits for a retry. */
  blocked(): Iterable<Scope>
  /** All of them, each scope in its order. */
  entries(): Iterable<Entry>
}

export const createWaiting = (): Waiting => {
  const named = new Map<string, Scope>()
  /** Scopes with something to run; the order of both sets is the order of their turns. */
  const all = new Set<Scope>()
  const ready = new Set<Scope>()
  const blocked = new Set<Scope>()
  const unblockings = createHeap<Scope>()
  let parts: readonly Part[] = []
  let size = 0
  let suspects = 0

  /** Keeps count of what came in (1) or went out (-1). */
  const tally = (entry: Entry, sign: 1 | -1): void => {
    size += sign
    if (entry.suspect) suspects += sign
  }

  /** Puts a scope where it belongs after anything about it changed. */
  const place = (scope: Scope): void => {
    if (scope.queue.length > 0) {
      all.add(scope)
      if (scope.busy > 0 || blocked.has(scope)) ready.delete(scope)
      else ready.add(scope)
      return
    }
    for (const set of [all, ready, blocked]) set.delete(scope)
    if (scope.busy === 0 && scope.name !== null) named.delete(scope.name)
  }

  const unblockDue = (now: number): void => {
    for (let next = unblockings.peek(); next && next.at <= now; next = unblockings.peek()) {
      unblockings.pop()
      // A scope that was blocked again in the meantime stands in the heap a second time, with the later time.
      if (next.item.blockedUntil > now || !blocked.delete(next.item)) continue
      place(next.item)
    }
  }

  const run = (scope: Scope, count: number): readonly Entry[] => {
    const entries = scope.queue.splice(0, count)
    for (const entry of entries) {
      entry.state = 'running'
      tally(entry, -1)
    }
    scope.busy += entries.length
    place(scope)
    return entries
  }

  const isPartReady = (part: Part): boolean =>
    [...countByScope(part)].every(
      ([scope, count]) =>
        scope.busy === 0 && !blocked.has(scope) && scope.queue.slice(0, count).every(entry => entry.part === part),
    )

  const takePart = (): readonly Entry[] => {
    const part = parts.find(isPartReady)
    if (!part) return []
    parts = parts.filter(other => other !== part)
    return [...countByScope(part)].flatMap(([scope, count]) => run(scope, count))
  }

  /** The scope whose head is the next probe. */
  const nextProbed = (): Scope | undefined => {
    let stale: Scope | undefined
    for (const scope of all) {
      if (scope.busy > 0 || (blocked.has(scope) && scope.blockedUntil === Number.POSITIVE_INFINITY)) continue
      if (scope.queue[0]?.probes === 0) return scope
      stale ??= scope
    }
    return stale
  }

  /** A part that cannot run as it is any more: its records are ordinary ones again. */
  const dissolve = (part: Part): void => {
    parts = parts.filter(other => other !== part)
    for (const entry of part.entries) entry.part = undefined
  }

  return {
    get size() {
      return size
    },
    get suspects() {
      return suspects
    },
    scope(name, lane) {
      const known = name === null ? undefined : named.get(name)
      if (known) return known
      const scope: Scope = { name, lane, queue: [], busy: 0, blockedUntil: 0 }
      if (name !== null) named.set(name, scope)
      return scope
    },
    add(entry) {
      entry.scope.queue.push(entry)
      tally(entry, 1)
      place(entry.scope)
    },
    putBack(entries) {
      for (const entry of entries.toReversed()) {
        entry.state = 'waiting'
        entry.scope.queue.unshift(entry)
        tally(entry, 1)
        place(entry.scope)
      }
    },
    block(scope, until) {
      scope.blockedUntil = until
      blocked.add(scope)
      if (Number.isFinite(until)) unblockings.push(until, scope)
      // A part with a record that never runs would never run itself.
      else for (const { part } of scope.queue) if (part) dissolve(part)
      place(scope)
    },
    finish(entries) {
      for (const { scope } of entries) {
        scope.busy -= 1
        place(scope)
      }
    },
    hold({ scope }) {
      scope.busy += 1
      if (scope.name !== null) named.set(scope.name, scope)
      place(scope)
    },
    addParts(added) {
      parts = [...added, ...parts]
    },
    remove(entry) {
      const index = entry.scope.queue.indexOf(entry)
      if (index < 0) return
      entry.scope.queue.splice(index, 1)
      tally(entry, -1)
      if (entry.part) dissolve(entry.part)
      place(entry.scope)
    },
    take(limits, now) {
      unblockDue(now)
      const part = takePart()
      if (part.length > 0) return part
      const plan = planBatch(ready, limits, now)
      return plan.due ? plan.runs.flatMap(({ scope, count }) => run(scope, count)) : []
    },
    takeProbe() {
      const scope = nextProbed()
      if (!scope) return undefined
      const part = scope.queue[0]?.part
      if (part) dissolve(part)
      blocked.delete(scope)
      all.delete(scope)
      return run(scope, 1)[0]
    },
    probes() {
      const scope = nextProbed()
      return scope === undefined ? 'none' : scope.queue[0]?.probes === 0 ? 'fresh' : 'stale'
    },
    nextAt(limits, now) {
      unblockDue(now)
      if (parts.some(isPartReady) || isDueAtOnce(ready, limits)) return now
      const plan = planBatch(ready, limits, now)
      const at = Math.min(plan.due ? now : plan.dueAt, unblockings.peek()?.at ?? Number.POSITIVE_INFINITY)
      return Number.isFinite(at) ? at : undefined
    },
    blocked: () => blocked,
    *entries() {
      for (const scope of all) yield* scope.queue
    },
  }
}

/** How many records a part has in each scope, in the order of the part. */
const countByScope = (part: Part): ReadonlyMap<Scope, number> => {
  const counts = new Map<Scope, number>()
  for (const { scope } of part.entries) counts.set(scope, (counts.get(scope) ?? 0) + 1)
  return counts
}
