/** Before a table is used: that it is there, has what it needs, and that this user may do what has to be done. */
import { MillraceError } from '../../core/errors.ts'
import type { Postgres } from '../../core/postgres.ts'
import { postgresError, sqlState } from '../../core/postgres-failure.ts'
import { missingColumns, type OutboxTable, outboxDdl, outboxStatements } from './table.ts'

export interface Opening {
  readonly address: string
  readonly table: OutboxTable
  readonly create: boolean
  /** What is going to be done with it. */
  readonly needs: readonly Right[]
}

export type Right = 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE'

/** Makes it where that is wanted. Answers with its oid. Rejects with an error that names the statements to run. */
export const openTable = async (postgres: Postgres, opening: Opening): Promise<string> => {
  try {
    if (opening.create && (await lookUp(postgres, opening)) === undefined) await createTable(postgres, opening)
    return await check(postgres, opening)
  } catch (thrown) {
    throw postgresError('SOURCE_FAILED', `opening ${opening.address}`, thrown)
  }
}

interface Found {
  readonly oid: string
  readonly columns: readonly string[]
  readonly rights: readonly Right[]
  readonly user: string
}

const RIGHTS: readonly Right[] = ['SELECT', 'INSERT', 'UPDATE', 'DELETE']

/** Undefined where there is no such table. */
const lookUp = async ({ query }: Postgres, { table }: Opening): Promise<Found | undefined> => {
  const { rows } = await query<Found>(
    `SELECT c.oid::text AS oid, current_user::text AS user,
       ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) AS columns,
       ARRAY(SELECT needed FROM unnest($2::text[]) AS needed WHERE has_table_privilege(c.oid, needed)) AS rights
     FROM pg_class c WHERE c.oid = to_regclass($1)`,
    [table.sql, RIGHTS],
  )
  return rows[0]
}

const check = async (postgres: Postgres, opening: Opening): Promise<string> => {
  const { table, needs } = opening
  const found = await lookUp(postgres, opening)
  if (!found)
    throw hopeless(
      opening,
      `there is no table ${table.name}; run what 'millrace outbox ${opening.address}' prints, or declare it with createTable: true:\n${outboxDdl(table)}`,
    )
  const missing = missingColumns(table, new Set(found.columns))
  if (missing.length > 0)
    throw hopeless(
      opening,
      `the table ${table.name} is no outbox yet; it needs the columns which these add:\n${missing.join('\n')}`,
    )
  const refused = needs.filter(right => !found.rights.includes(right))
  if (refused.length > 0)
    throw hopeless(
      opening,
      `permission denied: ${found.user} may not do all that is needed with ${table.name}; GRANT ${refused.join(', ')} ON ${table.sql} TO "${found.user}"`,
    )
  return found.oid
}

/** One process at a time: two that create the same table would have one of them fail. */
const createTable = async (postgres: Postgres, opening: Opening): Promise<void> => {
  try {
    await postgres.transaction(async ({ query }) => {
      await query('SELECT pg_advisory_xact_lock($1)', [CREATING])
      for (const statement of outboxStatements(opening.table)) await query(statement)
    })
  } catch (thrown) {
    if (sqlState(thrown) !== '42501') throw thrown
    throw hopeless(
      opening,
      `this user may not create ${opening.table.name}; have somebody run it who may:\n${outboxDdl(opening.table)}`,
    )
  }
}

/** Only its being the same everywhere matters. */
const CREATING = 6_455_432_117

const hopeless = ({ address }: Opening, what: string): MillraceError =>
  new MillraceError('SOURCE_FATAL', `opening ${address}: ${what}`, { fatal: true })
