/** What a record carries that was replayed to where it came from, so that a loop ends. */
import type { EventRecord, Header } from '../core/contract.ts'
import { lastHeader } from '../core/values.ts'

/** How often the record was replayed to its source already, and of which dead letter it is. */
const REPLAYS = 'millrace-replays'
const LETTER = 'millrace-replay-of'

export const replaysBefore = (record: Pick<EventRecord, 'headers'>): number => {
  const value = lastHeader(record, REPLAYS)
  const text = value instanceof Uint8Array ? new TextDecoder().decode(value) : value
  const number = typeof text === 'string' || typeof text === 'number' || typeof text === 'bigint' ? Number(text) : 0
  return Number.isSafeInteger(number) && number > 0 ? number : 0
}

/** The record's headers for the way back, the count raised by this time. */
export const replayedHeaders = (headers: readonly Header[], letter: string, replays: number): readonly Header[] => [
  ...headers.filter(([name]) => name !== REPLAYS && name !== LETTER),
  [REPLAYS, String(Math.max(replays, replaysBefore({ headers })) + 1)],
  [LETTER, letter],
]
