/** What alerts are about, and who sends one: of several processes, the first. */
import { lowestIdAt } from '../letter-id.ts'
import type { AlarmStore, LetterGroup, LetterSummary } from '../store.ts'
import type { Room } from './room.ts'
import { type LetterRow, SUMMARY_COLUMNS, summaryOf } from './rows.ts'
import { all, first, run, type Work } from './work.ts'

export const alarmsOf = (room: Room): AlarmStore => {
  const { database } = room
  return {
    newFailures: since => database.read(() => newFailures(room, since)),
    parkedSince: (since, most) => database.read(() => parkedSince(since, most)),
    oldest: () => database.read(() => oldest(room)),
    claimAlert: (name, forMs) => database.write(() => claimAlert(room, name, forMs)),
  }
}

const MOST = 100

interface FailureRow {
  readonly fingerprint: string
  readonly letters: number
  readonly first_at: number
  readonly last_at: number
  readonly error_name: string
  readonly error_message: string
}

function* newFailures({ database }: Room, since: number): Work<readonly LetterGroup[]> {
  const rows = yield* all<FailureRow>(
    `SELECT fingerprint, sum(letters) AS letters, min(first_at) AS first_at, max(last_at) AS last_at,
       max(error_name) AS error_name, max(error_message) AS error_message
     FROM letter_groups GROUP BY fingerprint HAVING min(first_at) >= $1 ORDER BY first_at LIMIT ${MOST}`,
    since,
  )
  return rows.map(row => ({
    group: row.fingerprint,
    letters: Number(row.letters),
    firstAt: row.first_at,
    lastAt: row.last_at,
    errorName: database.restored(row.error_name),
    errorMessage: database.restored(row.error_message),
  }))
}

function* parkedSince(since: number, most: number): Work<number> {
  const row = yield* first<{ readonly letters: number }>(
    'SELECT count(*) AS letters FROM (SELECT id FROM dead_letters WHERE id >= $1 LIMIT $2) AS latest',
    lowestIdAt(since),
    most,
  )
  return Number(row?.letters ?? 0)
}

function* oldest({ database }: Room): Work<LetterSummary | undefined> {
  const row = yield* first<LetterRow>(
    `SELECT ${SUMMARY_COLUMNS} FROM dead_letters WHERE listed = 1 ORDER BY id LIMIT 1`,
  )
  return row && summaryOf(row, database)
}

const REMEMBER_MS = 30 * 24 * 3_600_000

function* claimAlert({ clock }: Room, name: string, forMs: number): Work<boolean> {
  const now = clock.now()
  yield* run(
    'DELETE FROM letter_alerts WHERE at < $1 OR (name = $2 AND at <= $3)',
    now - REMEMBER_MS,
    name,
    now - Math.min(forMs, REMEMBER_MS),
  )
  return (
    (yield* run('INSERT INTO letter_alerts (name, at) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING', name, now)) > 0
  )
}
