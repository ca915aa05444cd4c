import { onBatch } from 'millrace'
import { orders } from './orders.ts'

export const handler = onBatch(orders, async () => undefined)
