/** Charges one order after the other. A throw fails that order only; the others of its batch are done. */
import { appendFileSync } from 'node:fs'
import { NotRetryable, onRecord } from 'millrace'
import { orders, receipts } from '../channels.ts'
import { CHARGED } from '../ledger.ts'

/** What we take, in euros. Orders in XTS are parked; mend that by adding a rate, restart, and replay them. */
const RATES: Readonly<Record<string, number>> = { EUR: 1, USD: 0.92, GBP: 1.17 }

export const handler = onRecord(orders, async (order, context) => {
  const { id, customer, cents, currency, card } = order.data
  const rate = RATES[currency]
  // Trying again cannot mend this: it is parked at once.
  if (rate === undefined) throw new NotRetryable(`no rate for ${currency}`)
  // This fails every time: it is parked after maxAttempts.
  if (card === 'expired') throw new Error('the card has expired')
  // This fails once and succeeds a moment later.
  if (card === 'slow bank' && order.attempt === 1) throw new Error('the bank did not answer')

  const euroCents = Math.round(cents * rate)
  appendFileSync(CHARGED, `${JSON.stringify({ id, euroCents, attempt: order.attempt })}\n`)
  await context.send(receipts, [{ key: customer, data: { order: id, customer, euroCents } }])
})
