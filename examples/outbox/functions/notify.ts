/** Tells the customer. The provider of mails refuses order-3's first mail about its payment: it is sent at the second try. */
import { onRecord } from 'millrace'
import { Client } from 'pg'
import { events } from '../channels.ts'

const database = new Client({ connectionString: process.env.DATABASE_URL })
await database.connect()

export const handler = onRecord(events, async ({ id, data, attempt }) => {
  if (data.order === 'order-3' && data.happened === 'paid' && attempt === 1) throw new Error('no mails at the moment')
  // An event that is delivered twice is told once.
  await database.query(
    'INSERT INTO outbox_example_mails (event, customer_of, told) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
    [id, data.order, attempt === 1 ? data.happened : `${data.happened} (at try ${attempt})`],
  )
})

export const shutdown = () => database.end()
