import { appendFile } from 'node:fs/promises'
import { onRecord } from 'millrace'
import { orders } from '../channels.ts'

export const handler = onRecord(orders, async ({ data }) => {
  await appendFile(String(process.env.BOOK), `${JSON.stringify(data)}\n`)
})
