/** Events written by the user's own client, within the user's own transaction. */
import type { Channel } from '../../core/config/channel.ts'
import { MillraceError } from '../../core/errors.ts'
import { encodeRecords } from '../../core/event/encode.ts'
import type { SendRecord } from '../../core/function/context.ts'
import { rowOfRecord } from './record.ts'
import { insertStatement, insertValues } from './sink.ts'
import { outboxTable } from './table.ts'

/** What a client's `query` takes. */
export interface OutboxInsert {
  readonly text: string
  readonly values: unknown[]
}

/**
 * The INSERT that writes these records to an outbox: `await client.query(await outboxInsert(orders, [{ key, data }]))`
 * between BEGIN and COMMIT. Codec and schema are asked as with `send`. Rejects with SEND_INVALID.
 */
export const outboxInsert = async <Output, Input>(
  outbox: Channel<Output, Input>,
  records: readonly SendRecord<Input>[],
): Promise<OutboxInsert> => {
  const encoded = await encodeRecords(outbox, records)
  const rows = encoded.map(record => {
    const row = rowOfRecord(outbox.address, record)
    if (row instanceof MillraceError) throw row
    return row
  })
  return { text: insertStatement(outboxTable(outbox.name)), values: [...insertValues(rows)] }
}
