/** Who did what, when and why. */
import type { AuditEntry, Operator } from '../store.ts'
import type { Room } from './room.ts'
import { all, run, type Work } from './work.ts'

/** Runs inside the transaction that does it. */
export function* enterAudit(
  { clock, database }: Room,
  { operator, reason }: Operator,
  action: string,
  subject: string,
  detail: string,
): Work<void> {
  yield* run(
    'INSERT INTO letter_audit (at, operator, action, subject, detail, reason) VALUES ($1, $2, $3, $4, $5, $6)',
    clock.now(),
    database.storable(operator),
    action,
    database.storable(subject),
    database.storable(detail),
    database.storable(reason),
  )
}

const SHOWN = 200

/** The latest first, at most 200. */
export function* auditOf({ database }: Room, subject: string | undefined): Work<readonly AuditEntry[]> {
  const columns = 'SELECT at, operator, action, subject, detail, reason FROM letter_audit'
  const rows =
    subject === undefined
      ? yield* all<AuditEntry>(`${columns} ORDER BY number DESC LIMIT ${SHOWN}`)
      : yield* all<AuditEntry>(
          `${columns} WHERE subject = $1 ORDER BY number DESC LIMIT ${SHOWN}`,
          database.storable(subject),
        )
  return rows.map(({ operator, subject: of, detail, reason, ...row }) => ({
    ...row,
    operator: database.restored(operator),
    subject: database.restored(of),
    detail: database.restored(detail),
    reason: database.restored(reason),
  }))
}
