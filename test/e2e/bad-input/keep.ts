import { appendFileSync } from 'node:fs'
import { onRecord } from 'millrace'
import { orders } from './channels.ts'

export const handler = onRecord(orders, ({ id, body, data }) => {
  appendFileSync(String(process.env.DONE), `${JSON.stringify({ id, bytes: body?.byteLength, order: data.id })}\n`)
})
