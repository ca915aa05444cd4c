/** Rows of letters as what they stand for. */
import type { DeadLetterReason } from '../../core/contract.ts'
import { shownKey } from '../key.ts'
import type { LetterState, LetterSummary } from '../store.ts'
import type { LetterDatabase } from './room.ts'

/** The columns of {@link LetterRow}. */
export const SUMMARY_COLUMNS = `id, state, mapping, function, source, record_id, record_key, reason, error_name,
  error_message, fingerprint, attempts, replays, body_bytes, first_seen, first_parked_at, parked_at, requested_at,
  resolved_at, archived_at, job, note`

export interface LetterRow {
  readonly id: string
  readonly state: LetterState
  readonly mapping: string
  readonly function: string
  readonly source: string
  readonly record_id: string
  readonly record_key: string | null
  readonly reason: DeadLetterReason
  readonly error_name: string
  readonly error_message: string
  readonly fingerprint: string
  readonly attempts: number
  readonly replays: number
  readonly body_bytes: number
  readonly first_seen: number
  readonly first_parked_at: number
  readonly parked_at: number
  readonly requested_at: number | null
  readonly resolved_at: number | null
  readonly archived_at: number | null
  readonly job: string | null
  readonly note: string | null
}

export const summaryOf = (row: LetterRow, { restored }: LetterDatabase): LetterSummary => ({
  id: row.id,
  state: row.state,
  mapping: row.mapping,
  function: row.function,
  source: row.source,
  recordId: restored(row.record_id),
  key: row.record_key === null ? null : shownKey(restored(row.record_key)),
  reason: row.reason,
  errorName: restored(row.error_name),
  errorMessage: restored(row.error_message),
  fingerprint: row.fingerprint,
  attempts: row.attempts,
  replays: row.replays,
  bodyBytes: row.body_bytes,
  firstSeen: row.first_seen,
  firstParkedAt: row.first_parked_at,
  parkedAt: row.parked_at,
  ...(row.requested_at === null ? {} : { requestedAt: row.requested_at }),
  ...(row.resolved_at === null ? {} : { resolvedAt: row.resolved_at }),
  ...(row.archived_at === null ? {} : { archivedAt: row.archived_at }),
  ...(row.job === null ? {} : { job: row.job }),
  ...(row.note === null ? {} : { note: restored(row.note) }),
})
