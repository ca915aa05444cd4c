/**
 * Asking Redis for entries. A script takes what waits and what is new, under the lease of its reader; but Redis copies
 * all that a script reads into Lua and back, which costs ten times as much as reading it (measured: 7.0.15). So what is
 * new is read by XREADGROUP itself where nothing waits, beside a script that only looks.
 *
 * What is read so after the reader was taken for dead stays pending under its name, where whoever looks for what nobody
 * holds finds it. In a stream whose order is kept that would be too late: others have read on. There the script takes all.
 */
import type { Membership } from './reader.ts'
import type { Fields } from './record.ts'
import type { Holding } from './stream-holding.ts'
import { TAKE, WATCH } from './stream-scripts.ts'

export interface Limits {
  readonly max: number
  readonly maxBytes: number
}

export interface Entry {
  readonly id: string
  /** `attempts firstSeen prior` of what was given back, else empty. */
  readonly note: string
  readonly fields: Fields
}

export interface TakeAnswer {
  /** By Redis's clock. */
  readonly nowMs: number
  /** When the next of what waits is due; Infinity when nothing waits. */
  readonly dueMs: number
  /** The stream's last entry, where there was nothing to take. */
  readonly lastId: string | undefined
  /** How many that waited were no longer in the stream. */
  readonly gone: number
  readonly entries: readonly Entry[]
  /** What was read beyond the bytes that were wanted: to be given back. */
  readonly tooMany: readonly string[]
}

/** What waits first, then what is new; `dead` when the reader was taken for that. */
export const takeAny = async (
  { tools: { place, part } }: Holding,
  membership: Membership,
  { max, maxBytes }: Limits,
): Promise<TakeAnswer | 'dead'> => {
  const { stream, waiting, notes, readers } = part.keys
  const answer = (await place.commands.run(
    TAKE,
    [stream, waiting, notes, readers],
    [part.group, membership.id, max, maxBytes],
  )) as readonly unknown[]
  if (answer.length === 0) return 'dead'
  const [now, due, last, gone, ...claims] = answer as [Buffer, Buffer, Buffer, number, ...unknown[]]
  const entries: Entry[] = []
  for (let at = 0; at + 2 < claims.length; at += 3)
    entries.push({ id: String(claims[at]), note: String(claims[at + 1]), fields: claims[at + 2] as Fields })
  const lastId = last.length > 0 ? last.toString() : undefined
  return { nowMs: Number(now.toString()), dueMs: timeOf(due), lastId, gone, entries, tooMany: [] }
}

/** Undefined where that is not the way: order is kept, something may be due, how much would come is not known, or nothing is new. */
export const takeFresh = async (
  { tools: { place, part, order }, due, bytesEach }: Holding,
  membership: Membership,
  { max, maxBytes }: Limits,
): Promise<TakeAnswer | 'dead' | undefined> => {
  if (order === 'kept' || due === 'perhaps' || bytesEach === undefined) return undefined
  const { stream, waiting, readers } = part.keys
  const count = Math.min(max, Math.ceil(maxBytes / Math.max(1, bytesEach)))
  const [read, watched] = await Promise.allSettled([
    place.commands.call('XREADGROUP', 'GROUP', part.group, membership.id, 'COUNT', count, 'STREAMS', stream, '>'),
    place.commands.run(WATCH, [waiting, readers], [membership.id]),
  ])
  if (read.status === 'rejected') throw read.reason
  if (watched.status === 'rejected') throw watched.reason
  const [now, next] = watched.value as readonly Buffer[]
  if (!now || !next) return 'dead'
  const found = entriesOf(read.value)
  if (found.length === 0) return undefined
  const fitting = howManyFit(found, maxBytes)
  return {
    nowMs: Number(now.toString()),
    dueMs: timeOf(next),
    lastId: undefined,
    gone: 0,
    entries: found.slice(0, fitting),
    tooMany: found.slice(fitting).map(({ id }) => id),
  }
}

const timeOf = (score: Buffer): number => (score.length > 0 ? Number(score.toString()) : Number.POSITIVE_INFINITY)

const entriesOf = (answer: unknown): readonly Entry[] => {
  const [, found = []] =
    (answer as readonly (readonly [Buffer, readonly (readonly [Buffer, Fields])[]])[] | null)?.[0] ?? []
  return found.map(([id, fields]) => ({ id: id.toString(), note: '', fields }))
}

/** One always does. */
const howManyFit = (entries: readonly Entry[], maxBytes: number): number => {
  let bytes = 0
  const over = entries.findIndex(entry => {
    if (bytes >= maxBytes) return true
    bytes += bytesOf([entry])
    return false
  })
  return over < 0 ? entries.length : over
}

/** Of their values, as the script counts them. */
export const bytesOf = (entries: readonly Entry[]): number => {
  let bytes = 0
  for (const { fields } of entries) for (let at = 1; at < fields.length; at += 2) bytes += fields[at]?.byteLength ?? 0
  return bytes
}
