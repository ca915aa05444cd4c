/** A function to be run once for each order, which tells how often it ran. */
import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import type { ErrorCode } from '../../../core/errors.ts'
import { idempotent } from '../../../core/idempotency/idempotent.ts'
import { memoryIdempotency } from '../../../core/idempotency/memory-store.ts'

export interface Order {
  readonly id: string
  total?: number
}

export const charges = (store = memoryIdempotency(), more: object = {}) => {
  const ran: Order[] = []
  const charge = idempotent(
    async (order: Order) => {
      ran.push(order)
      await pause(1)
      return { charged: order.total ?? 0, at: new Date(0) }
    },
    { store, name: 'charge', key: ({ id }) => id, ...more },
  )
  return { charge, ran }
}

/** An error with this code. */
export const refused = (code: ErrorCode) => (error: unknown) => {
  assert.equal((error as { code?: unknown }).code, code, String(error))
  return true
}
