/**
 * How far a group has come in one partition; pure. Order of a partition is kept by its one owner; verdicts may come in
 * any order, so what is finished beyond the first unfinished record is remembered as runs.
 *
 *   offset   0 1 2 3 4 5 6 7 8 9
 *            ● ● ● ○ ● ● ○ · · ·       ● finished  ○ in flight  · not claimed
 *                  │       │
 *              committed  claimed      finished: [4–5]   notes: what is known of 3, if it failed before
 */
import type { Note } from './claims.ts'

/** First and last offset, both included. */
export type OffsetRun = readonly [first: number, last: number]

export interface Progress {
  /** The first offset that is not finished. */
  readonly committed: number
  /** The first offset that was not claimed. */
  readonly claimed: number
  /** Beyond `committed`, ascending, none touching the next. */
  readonly finished: readonly OffsetRun[]
  readonly notes: ReadonlyMap<number, Note>
}

export const finish = (progress: Progress, runs: readonly OffsetRun[]): Progress => {
  if (runs.length === 0) return progress
  const merged = mergeRuns([...progress.finished, ...runs], progress.committed)
  const head = merged[0]
  const reaches = head !== undefined && head[0] <= progress.committed
  const committed = reaches ? Math.max(progress.committed, head[1] + 1) : progress.committed
  return {
    committed,
    claimed: Math.max(progress.claimed, committed),
    finished: reaches ? merged.slice(1) : merged,
    notes: keepNotes(progress.notes, offset => offset >= committed && !isWithin(runs, offset)),
  }
}

/** Everything from `from` on is to be claimed again, apart from what is finished; `notes` come with it. */
export const release = (progress: Progress, from: number, notes: ReadonlyMap<number, Note>): Progress => ({
  ...progress,
  claimed: Math.max(progress.committed, Math.min(progress.claimed, from)),
  notes: notes.size === 0 ? progress.notes : new Map([...progress.notes, ...notes]),
})

/** The owner ended while records were in flight: each of them is a claim that ended without a verdict. */
export const abandon = (progress: Progress, seenMs: number): Progress => {
  const notes = new Map(progress.notes)
  for (const offset of inFlight(progress)) {
    const note = notes.get(offset) ?? { attempts: 0, prior: 0, seen: seenMs }
    notes.set(offset, { ...note, prior: note.prior + 1 })
  }
  return { ...progress, claimed: progress.committed, notes }
}

export const isFinished = (progress: Progress, offset: number): boolean =>
  offset < progress.committed || isWithin(progress.finished, offset)

export const isIdle = (progress: Progress): boolean => progress.claimed <= progress.committed

const inFlight = (progress: Progress): readonly number[] => {
  const offsets: number[] = []
  for (let offset = progress.committed; offset < progress.claimed; offset += 1)
    if (!isWithin(progress.finished, offset)) offsets.push(offset)
  return offsets
}

export const isWithin = (runs: readonly OffsetRun[], offset: number): boolean =>
  runs.some(([first, last]) => offset >= first && offset <= last)

/** Runs of neighbouring offsets. */
export const offsetRuns = (ascending: readonly number[]): readonly OffsetRun[] =>
  mergeRuns(
    ascending.map(offset => [offset, offset]),
    0,
  )

const mergeRuns = (runs: readonly OffsetRun[], from: number): readonly OffsetRun[] => {
  const merged: OffsetRun[] = []
  for (const run of [...runs].sort((a, b) => a[0] - b[0])) {
    if (run[1] < from) continue
    const last = merged.at(-1)
    if (last && run[0] <= last[1] + 1) merged[merged.length - 1] = [last[0], Math.max(last[1], run[1])]
    else merged.push(run)
  }
  return merged
}

const keepNotes = (notes: ReadonlyMap<number, Note>, keep: (offset: number) => boolean): ReadonlyMap<number, Note> =>
  notes.size === 0 ? notes : new Map([...notes].filter(([offset]) => keep(offset)))

/** Runs and notes as the text of a column; the empty string, the common case, costs nothing to read or write. */
export const runsToText = (runs: readonly OffsetRun[]): string => (runs.length === 0 ? '' : JSON.stringify(runs))

export const runsFromText = (text: string): readonly OffsetRun[] =>
  text === '' ? [] : (JSON.parse(text) as readonly OffsetRun[])

/** Neighbours that know the same are one entry: [first, last, attempts, prior, seen]. */
export const notesToText = (notes: ReadonlyMap<number, Note>): string => {
  if (notes.size === 0) return ''
  const entries: [number, number, number, number, number][] = []
  for (const [offset, note] of [...notes].sort(([a], [b]) => a - b)) {
    const last = entries.at(-1)
    if (last && last[1] + 1 === offset && last[2] === note.attempts && last[3] === note.prior && last[4] === note.seen)
      last[1] = offset
    else entries.push([offset, offset, note.attempts, note.prior, note.seen])
  }
  return JSON.stringify(entries)
}

export const notesFromText = (text: string): ReadonlyMap<number, Note> => {
  if (text === '') return NO_NOTES
  const notes = new Map<number, Note>()
  for (const [first, last, attempts, prior, seen] of JSON.parse(text) as readonly [
    number,
    number,
    number,
    number,
    number,
  ][])
    for (let offset = first; offset <= last; offset += 1) notes.set(offset, { attempts, prior, seen })
  return notes
}

const NO_NOTES: ReadonlyMap<number, Note> = new Map()
