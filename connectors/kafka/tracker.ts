/**
 * How far a group has come in one partition; pure. Verdicts may come in any order, so what is finished beyond the first
 * unfinished record is remembered as runs. Offsets that hold no record (compacted away, ends of transactions) are
 * finished from the start.
 *
 *   offset   0 1 2 3 4 5 6 7 8 9
 *            ● ● ● ○ ● ● ○ ○ · ·       ● finished  ○ taken in, unfinished  · not fetched
 *                  │         │
 *             committed    next          finished: [4–5]
 */

/** First and last offset, both included. */
export type OffsetRun = readonly [first: number, last: number]

export interface Tracker {
  /** The lowest unfinished offset: what may be committed. */
  readonly committed: number
  /** The first offset that was not taken in. */
  readonly next: number
  /** Beyond `committed`, ascending, none touching the next. */
  readonly finished: readonly OffsetRun[]
}

/** Begins at the committed offset; `finished` is what was finished beyond it before. */
export const beginAt = (committed: number, finished: readonly OffsetRun[] = []): Tracker =>
  finish({ committed, next: committed, finished: [] }, finished)

/**
 * Takes in what was fetched from `next` on: `offsets`, ascending, are the records there are below `end`. What lies
 * below `next` was taken in before and changes nothing.
 */
export const takeIn = (tracker: Tracker, offsets: readonly number[], end: number): Tracker => {
  const holes: OffsetRun[] = []
  let from = tracker.next
  for (const offset of offsets) {
    if (offset > from) holes.push([from, offset - 1])
    from = Math.max(from, offset + 1)
  }
  if (end > from) holes.push([from, end - 1])
  return finish({ ...tracker, next: Math.max(from, end) }, holes)
}

export const finish = (tracker: Tracker, runs: readonly OffsetRun[]): Tracker => {
  if (runs.length === 0) return tracker
  const merged = mergeRuns([...tracker.finished, ...runs], tracker.committed)
  const head = merged[0]
  const reaches = head !== undefined && head[0] <= tracker.committed
  return {
    committed: reaches ? head[1] + 1 : tracker.committed,
    next: Math.max(tracker.next, reaches ? head[1] + 1 : 0),
    finished: reaches ? merged.slice(1) : merged,
  }
}

export const isFinished = (tracker: Tracker, offset: number): boolean =>
  offset < tracker.committed || tracker.finished.some(([first, last]) => offset >= first && offset <= last)

/** How many offsets below `end` are not finished. */
export const unfinished = (tracker: Tracker, end: number): number =>
  tracker.finished.reduce(
    (left, [first, last]) => left - Math.max(0, Math.min(last, end - 1) - first + 1),
    Math.max(0, end - tracker.committed),
  )

/** Offsets as runs of neighbours. */
export const runsOf = (offsets: readonly number[]): readonly OffsetRun[] =>
  mergeRuns(
    offsets.map(offset => [offset, offset]),
    0,
  )

const mergeRuns = (runs: readonly OffsetRun[], from: number): readonly OffsetRun[] => {
  const merged: OffsetRun[] = []
  for (const run of [...runs].sort((one, other) => one[0] - other[0])) {
    if (run[1] < from) continue
    const last = merged.at(-1)
    if (last && run[0] <= last[1] + 1) merged[merged.length - 1] = [last[0], Math.max(last[1], run[1])]
    else merged.push(run)
  }
  return merged
}
