/** Who reads a schedule for a group, and what becomes of what a member holds when it goes. */
import type { Database } from '../../core/database.ts'
import { membersIn } from '../../core/members.ts'

export const members = membersIn('cron_members')

/** Gives back all that a member holds: `priorDeliveries` rises where it died. Runs inside a transaction. */
export const dismiss = (database: Database, reader: number, member: number, how: 'closed' | 'crashed'): void => {
  database
    .sql('UPDATE cron_slots SET member = NULL, prior = prior + ? WHERE reader = ? AND member = ?')
    .run(how === 'crashed' ? 1 : 0, reader, member)
  members.leave(database, member)
}
