/**
 * What a commit says beside its offset, so that a restart repeats little: which records beyond the offset are finished,
 * and how often unfinished ones have failed. Text in the broker's metadata field; what is not ours is ignored.
 */
import type { OffsetRun, Tracker } from './tracker.ts'

/** What is known of a record that was given back. */
export interface Note {
  readonly attempts: number
  /** Milliseconds since the epoch. */
  readonly firstSeen: number
}

/** The broker's limit (`offset.metadata.max.bytes`); the text is ASCII. */
const MAX_CHARS = 4_096
/** From here on a lane claims nothing new: what is in flight may still add runs, and none is ever left out. */
const FULL_CHARS = 3_072

interface Written {
  readonly v: 1
  /** Ignored unless it is the committed offset: another client may have moved it. */
  readonly base: number
  /** Pairs, each relative to the end of the one before: offsets skipped, offsets finished. */
  readonly runs?: readonly number[]
  /** Triples: offset relative to base, attempts, first seen. */
  readonly notes?: readonly number[]
}

/**
 * The metadata of a commit at `tracker.committed`; empty when there is nothing to say. Notes beyond what fits are left
 * out (those records only get more attempts), then the last runs (those records only come again): the text is never cut.
 */
export const metadataText = (tracker: Tracker, notes: ReadonlyMap<number, Note>): string => {
  const base = tracker.committed
  const runs = relativeRuns(base, tracker.finished)
  const known = [...notes].filter(([offset, note]) => offset >= base && note.attempts > 0).sort(([a], [b]) => a - b)
  if (runs.length === 0 && known.length === 0) return ''
  for (let kept = known.length; kept >= 0; kept = kept > 1 ? kept >> 1 : kept - 1) {
    const text = write(base, runs, known.slice(0, kept))
    if (text.length <= MAX_CHARS) return text
  }
  const head = known.slice(0, 1)
  return write(base, firstOf(runs, MAX_CHARS - write(base, [], head).length - LIST_CHARS), head)
}

/** What an empty list of runs adds to the text. */
const LIST_CHARS = ',"runs":[]'.length

/** As many of the pairs as fit into so many characters. */
const firstOf = (pairs: readonly number[], chars: number): readonly number[] => {
  let [count, left] = [0, chars]
  for (const number of pairs) {
    left -= String(number).length + 1
    if (left < 0) break
    count += 1
  }
  return pairs.slice(0, count - (count % 2))
}

/** Whether so much is finished out of order that the metadata could not carry much more. */
export const isFull = (tracker: Tracker): boolean =>
  tracker.finished.length > FEW_RUNS &&
  write(tracker.committed, relativeRuns(tracker.committed, tracker.finished), []).length > FULL_CHARS

/** So few runs always fit. */
const FEW_RUNS = 100

/** What a commit at `committed` said; nothing when the text is not ours or was written for another offset. */
export const readMetadata = (
  text: string | null,
  committed: number,
): { readonly finished: readonly OffsetRun[]; readonly notes: ReadonlyMap<number, Note> } => {
  const written = parse(text)
  if (written?.base !== committed) return { finished: [], notes: new Map() }
  return { finished: absoluteRuns(committed, written.runs ?? []), notes: absoluteNotes(committed, written.notes ?? []) }
}

const write = (base: number, runs: readonly number[], notes: readonly (readonly [number, Note])[]): string => {
  const written: Written = {
    v: 1,
    base,
    ...(runs.length > 0 ? { runs } : {}),
    ...(notes.length > 0
      ? { notes: notes.flatMap(([offset, { attempts, firstSeen }]) => [offset - base, attempts, firstSeen]) }
      : {}),
  }
  return JSON.stringify(written)
}

const parse = (text: string | null): Written | undefined => {
  if (!text?.startsWith('{"v":1,')) return undefined
  try {
    const written = JSON.parse(text) as Written
    const lists = [written.runs ?? [], written.notes ?? []]
    return lists.every(list => Array.isArray(list) && list.every(Number.isSafeInteger)) ? written : undefined
  } catch {
    // Not ours, or cut short by somebody: the committed offset alone counts.
    return undefined
  }
}

const relativeRuns = (base: number, runs: readonly OffsetRun[]): readonly number[] => {
  let from = base
  return runs.flatMap(([first, last]) => {
    const pair = [first - from, last - first + 1]
    from = last + 1
    return pair
  })
}

const absoluteRuns = (base: number, pairs: readonly number[]): readonly OffsetRun[] => {
  const runs: OffsetRun[] = []
  let from = base
  for (let index = 0; index + 1 < pairs.length; index += 2) {
    const first = from + (pairs[index] ?? 0)
    const count = pairs[index + 1] ?? 0
    if (count < 1 || first < from) return []
    runs.push([first, first + count - 1])
    from = first + count
  }
  return runs
}

const absoluteNotes = (base: number, triples: readonly number[]): ReadonlyMap<number, Note> => {
  const notes = new Map<number, Note>()
  for (let index = 0; index + 2 < triples.length; index += 3)
    notes.set(base + (triples[index] ?? 0), { attempts: triples[index + 1] ?? 0, firstSeen: triples[index + 2] ?? 0 })
  return notes
}
