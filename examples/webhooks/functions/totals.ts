import { readFile } from 'node:fs/promises'
import { onRequest } from 'millrace'
import { totals } from '../channels.ts'

interface Booked {
  readonly id: string
  readonly customer: string
  readonly total: number
}

export const handler = onRequest(totals, async ({ params }) => {
  const lines = (await readFile(String(process.env.BOOK), 'utf8')).split('\n').filter(line => line !== '')
  const booked = new Map(lines.map((line): [string, Booked] => [JSON.parse(line).id, JSON.parse(line)]))
  const own = [...booked.values()].filter(({ customer }) => customer === params.customer)
  if (own.length === 0) return Response.json({ message: `nothing of ${params.customer}` }, { status: 404 })
  return Response.json({
    customer: params.customer,
    orders: own.length,
    total: own.reduce((sum, { total }) => sum + total, 0),
  })
})
