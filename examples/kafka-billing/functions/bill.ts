/** Bills one order after the other. A throw fails that order; with `order: 'key'` the later ones of its customer wait. */
import { appendFileSync } from 'node:fs'
import { onRecord } from 'millrace'
import { orders } from '../channels.ts'
import { BILLED } from '../ledger.ts'

export const handler = onRecord(orders, order => {
  const { id, customer, cents, card } = order.data
  if (card === 'refused') throw new Error(`the card of ${customer} was refused`)
  appendFileSync(BILLED, `${JSON.stringify({ id, customer, cents })}\n`)
})
