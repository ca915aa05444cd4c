import { embedded } from 'millrace'
import { z } from 'zod'

const local = embedded()

export const Order = z.object({
  id: z.string(),
  customer: z.string(),
  cents: z.number().int().positive(),
  currency: z.string().length(3),
  card: z.string(),
})

export const Receipt = z.object({ order: z.string(), customer: z.string(), euroCents: z.number().int() })

/** Competing receivers: each order is charged once. */
export const orders = local.queue('orders', { schema: Order })

/** Fan-out: every mapping on it gets every receipt. */
export const receipts = local.topic('receipts', { schema: Receipt })
