/** Sending to an outbox: the records of one call are one INSERT, so that all of them are there or none is. */
import type { ChannelRef, OutgoingRecord, Sink } from '../../core/contract.ts'
import { MillraceError } from '../../core/errors.ts'
import type { Postgres } from '../../core/postgres.ts'
import { postgresError } from '../../core/postgres-failure.ts'
import { INSERT_COLUMNS, rowOfRecord } from './record.ts'
import type { OutboxTable } from './table.ts'

type Outcome = null | MillraceError

/** As many parameters as there are columns, each a list. */
export const insertStatement = ({ sql }: OutboxTable): string => {
  const { names, types } = INSERT_COLUMNS
  const lists = types.map((type, index) => `$${index + 1}::${type}[]`).join(', ')
  return `INSERT INTO ${sql} (key, body, headers, event_id, created_at, due_at, exact)
    SELECT key, body, headers, event_id, coalesce(to_timestamp(time), now()),
      CASE WHEN delay > 0 THEN now() + delay * interval '1 millisecond' END, exact
    FROM unnest(${lists}) WITH ORDINALITY AS sent (${names.join(', ')}, number) ORDER BY number`
}

/** Rows, as the lists of {@link insertStatement}. */
export const insertValues = (rows: readonly Row[]): readonly Row[] =>
  INSERT_COLUMNS.names.map((_, index) => rows.map(row => row[index]))

type Row = readonly unknown[]

const isRow = (row: Row | MillraceError): row is Row => !(row instanceof MillraceError)

export const createSink = (
  postgres: Postgres,
  { address }: ChannelRef,
  table: OutboxTable,
  ready: () => Promise<void>,
): Sink => {
  const insert = async (rows: readonly Row[]): Promise<Outcome> => {
    if (rows.length === 0) return null
    try {
      await ready()
      await postgres.query(insertStatement(table), insertValues(rows))
      return null
    } catch (thrown) {
      // What keeps a table from being opened is no fatal end here: somebody may mend it before the next try.
      return thrown instanceof MillraceError
        ? new MillraceError('SEND_FAILED', thrown.message, { cause: thrown })
        : postgresError('SEND_FAILED', `sending to ${address}`, thrown)
    }
  }
  let sending: Promise<unknown> = Promise.resolve()
  const send = async (records: readonly OutgoingRecord[]): Promise<readonly Outcome[]> => {
    const prepared = records.map(record => rowOfRecord(address, record))
    const outcome = await insert(prepared.filter(isRow))
    return prepared.map(row => (isRow(row) ? outcome : row))
  }
  return {
    send(records) {
      const sent = send(records)
      sending = Promise.all([sending, sent])
      return sent
    },
    close: async () => void (await sending),
  }
}
