/** Slots of schedules in PostgreSQL: whoever enters or takes slots of a reader holds its row for that moment. Time is the server's. */
import { MillraceError } from '../../core/errors.ts'
import type { Postgres, Queries } from '../../core/postgres.ts'
import { createMissing, postgresError } from '../../core/postgres-failure.ts'
import {
  type Entering,
  entered,
  type Overlap,
  SLOT_LEASE_MS,
  type SlotReader,
  type SlotStore,
  type Slots,
  type SlotVerdict,
  type TakenSlot,
} from '../../core/slots.ts'

const [READERS, MEMBERS, SLOTS] = ['millrace_cron_readers', 'millrace_cron_members', 'millrace_cron_slots']

const CREATE = `
  CREATE TABLE IF NOT EXISTS ${READERS} (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, schedule text NOT NULL, reader text NOT NULL,
    defined text NOT NULL, last bigint NOT NULL, UNIQUE (schedule, reader));
  CREATE TABLE IF NOT EXISTS ${MEMBERS} (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, reader bigint NOT NULL, until timestamptz NOT NULL);
  CREATE TABLE IF NOT EXISTS ${SLOTS} (
    reader bigint NOT NULL, slot bigint NOT NULL, due bigint NOT NULL, member bigint, attempts integer NOT NULL DEFAULT 0,
    prior integer NOT NULL DEFAULT 0, seen bigint NOT NULL DEFAULT 0, PRIMARY KEY (reader, slot))`

/** Schedules are looked at seldom: what another machine does may wait for so long. */
const LOOK_EVERY_MS = 1_000

/** Makes its tables where they are missing. */
export const openPostgresSlots = async (name: string, postgres: Postgres): Promise<SlotStore> => {
  await told(name, 'making the tables of slots', () => createTables(postgres))
  return {
    where: `${SLOTS} of ${name}`,
    open: (reader, nowMs) => told(name, 'opening a schedule', () => openReader(name, postgres, reader, nowMs)),
    // The pool is the connection's.
    close: async () => {},
  }
}

const createTables = async ({ query }: Postgres): Promise<void> => {
  const { rows } = await query<{ exists: boolean }>('SELECT to_regclass($1) IS NOT NULL AS exists', [SLOTS])
  if (!rows[0]?.exists) await createMissing(() => query(CREATE))
}

const told = async <Value>(name: string, doing: string, run: () => Promise<Value>): Promise<Value> => {
  try {
    return await run()
  } catch (thrown) {
    throw postgresError('SOURCE_FAILED', `${doing} in ${name}`, thrown)
  }
}

const openReader = async (
  name: string,
  postgres: Postgres,
  { schedule, reader, defined }: SlotReader,
  nowMs: number,
): Promise<Slots> => {
  const { rows } = await postgres.query<{ number: string }>(
    `INSERT INTO ${READERS} AS r (schedule, reader, defined, last) VALUES ($1, $2, $3, $4)
     ON CONFLICT (schedule, reader) DO UPDATE
     SET last = CASE WHEN r.defined = $3 THEN r.last ELSE greatest(r.last, $4) END, defined = $3
     RETURNING number::text`,
    [schedule, reader, defined, Math.floor(nowMs)],
  )
  const number = rows[0]?.number ?? ''
  return slotsOf(name, postgres, number, await join(postgres, number))
}

const join = async ({ query }: Queries, reader: string): Promise<string> => {
  const { rows } = await query<{ number: string }>(
    `INSERT INTO ${MEMBERS} (reader, until) VALUES ($1, now() + $2 * interval '1 millisecond') RETURNING number::text`,
    [reader, SLOT_LEASE_MS],
  )
  return rows[0]?.number ?? ''
}

const slotsOf = (name: string, postgres: Postgres, reader: string, joined: string): Slots => {
  let member = joined
  const { query, transaction } = postgres
  const doing = <Value>(what: string, run: () => Promise<Value>): Promise<Value> => told(name, what, run)
  return {
    lookEveryMs: LOOK_EVERY_MS,
    look: nowMs =>
      doing('looking at slots', async () => {
        const { rows } = await query<{ last: number; ready: boolean; others: boolean }>(
          `SELECT last::float8 AS last,
             EXISTS (SELECT 1 FROM ${SLOTS} WHERE reader = $1 AND member IS NULL AND due <= $3) AS ready,
             EXISTS (SELECT 1 FROM ${SLOTS} WHERE reader = $1 AND member <> $2) AS others
           FROM ${READERS} WHERE number = $1`,
          [reader, member, Math.floor(nowMs)],
        )
        const [row] = rows
        if (row) return { lastMs: row.last, ready: row.ready, others: row.others }
        throw new MillraceError('SOURCE_FAILED', `a row of ${READERS} is gone; opened again it is made anew`)
      }),
    enter: entering => doing('entering slots', () => transaction(inside => enter(inside, reader, entering))),
    take: want =>
      doing('claiming slots', async () => {
        const turn = await transaction(inside => take(inside, { reader, member }, want))
        member = turn.member
        return turn
      }),
    settle: verdicts => doing('settling slots', () => transaction(inside => settle(inside, reader, verdicts))),
    beat: () =>
      doing('saying that a reader lives', async () => {
        const beat = `UPDATE ${MEMBERS} SET until = now() + $2 * interval '1 millisecond' WHERE number = $1`
        await query(beat, [member, SLOT_LEASE_MS])
      }),
    unfinished: () =>
      doing('counting slots', async () => {
        const { rows } = await query<{ records: number; oldest: number | null }>(
          `SELECT count(*)::float8 AS records, min(slot)::float8 AS oldest FROM ${SLOTS} WHERE reader = $1`,
          [reader],
        )
        return rows[0] ?? { records: 0, oldest: null }
      }),
    leave: () =>
      doing('giving slots back', async () => {
        await query(`UPDATE ${SLOTS} SET member = NULL WHERE reader = $1 AND member = $2`, [reader, member])
        await query(`DELETE FROM ${MEMBERS} WHERE number = $1`, [member])
      }),
  }
}

const enter = async ({ query }: Queries, reader: string, entering: Entering): Promise<number | undefined> => {
  const { lastMs, untilMs, slots } = entering
  const advanced = await query(`UPDATE ${READERS} SET last = $2 WHERE number = $1 AND last = $3`, [
    reader,
    Math.floor(untilMs),
    lastMs,
  ])
  if (advanced.count !== 1) return undefined
  const { rows } = await query<{ count: number }>(`SELECT count(*)::float8 AS count FROM ${SLOTS} WHERE reader = $1`, [
    reader,
  ])
  const kept = entered(slots, rows[0]?.count ?? 0, entering)
  await query(
    `INSERT INTO ${SLOTS} (reader, slot, due) SELECT $1, slot, due FROM unnest($2::bigint[], $3::bigint[]) AS s (slot, due)
     ON CONFLICT DO NOTHING`,
    [reader, kept.map(({ slot }) => slot), kept.map(({ due }) => due)],
  )
  return slots.length - kept.length
}

const take = async (
  inside: Queries,
  { reader, member }: { readonly reader: string; readonly member: string },
  { max, nowMs, overlap }: { readonly max: number; readonly nowMs: number; readonly overlap: Overlap },
): Promise<{ readonly member: string; readonly taken: readonly TakenSlot[] }> => {
  const { query } = inside
  await query(`SELECT 1 FROM ${READERS} WHERE number = $1 FOR UPDATE`, [reader])
  await query(
    `WITH gone AS (DELETE FROM ${MEMBERS} WHERE reader = $1 AND until < now() RETURNING number)
     UPDATE ${SLOTS} SET member = NULL, prior = prior + 1 WHERE reader = $1 AND member IN (SELECT number FROM gone)`,
    [reader],
  )
  const known = await query(`SELECT 1 FROM ${MEMBERS} WHERE number = $1`, [member])
  const own = known.count === 1 ? member : await join(inside, reader)
  const ready =
    overlap === 'queue'
      ? `SELECT slot FROM (SELECT * FROM ${SLOTS} WHERE reader = $1 ORDER BY slot LIMIT 1) head
         WHERE member IS NULL AND due <= $3 LIMIT $4`
      : `SELECT slot FROM ${SLOTS} WHERE reader = $1 AND member IS NULL AND due <= $3 ORDER BY slot LIMIT $4`
  const { rows } = await query<Omit<TakenSlot, 'member'>>(
    `UPDATE ${SLOTS} SET member = $2, seen = CASE WHEN seen = 0 THEN $3 ELSE seen END
     WHERE reader = $1 AND slot IN (${ready})
     RETURNING slot::float8 AS slot, attempts, prior, seen::float8 AS seen`,
    [reader, own, Math.floor(nowMs), max],
  )
  const inOrder = rows.toSorted((one, other) => one.slot - other.slot)
  return { member: own, taken: inOrder.map(row => ({ ...row, member: own })) }
}

const settle = async (
  { query }: Queries,
  reader: string,
  verdicts: readonly SlotVerdict[],
): Promise<readonly boolean[]> => {
  const held: boolean[] = []
  for (const { slot, member, outcome, attempts, due } of verdicts) {
    const { count } =
      outcome === 'done'
        ? await query(`DELETE FROM ${SLOTS} WHERE reader = $1 AND slot = $2 AND member = $3`, [reader, slot, member])
        : await query(
            `UPDATE ${SLOTS} SET member = NULL, due = $4, attempts = $5 WHERE reader = $1 AND slot = $2 AND member = $3`,
            [reader, slot, member, due, attempts],
          )
    held.push(count === 1)
  }
  return held
}
