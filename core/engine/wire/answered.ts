/** What an answer says beside its value: how long it took, and what was refused; nearly always only a number. */
import type { RefusedRecord } from '../contract.ts'

export interface Answered {
  /** In the environment, from the first look at the request to the answer; undefined where it does not say. */
  readonly tookMs: number | undefined
  readonly refused: readonly RefusedRecord[]
}

const NO_REFUSED: readonly RefusedRecord[] = Object.freeze([])

const NOTHING_SAID: Answered = { tookMs: undefined, refused: NO_REFUSED }

export const encodeAnswered = (tookMs: number, refused: readonly RefusedRecord[]): string =>
  refused.length === 0 ? tookMs.toFixed(TOOK_DIGITS) : JSON.stringify({ tookMs, refused } satisfies Answered)

/** The inverse. Throws when the header is not one that {@link encodeAnswered} made. */
export const decodeAnswered = (header: string): Answered => {
  if (header === '') return NOTHING_SAID
  const read: unknown = JSON.parse(header)
  return typeof read === 'number' ? { tookMs: read, refused: NO_REFUSED } : (read as Answered)
}

const TOOK_DIGITS = 3
