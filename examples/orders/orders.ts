import type { z } from 'zod'
import type { Order } from './channels.ts'

/** The order with this number; the same number is always the same order. 3 of 100 cannot succeed, 5 of 100 fail once. */
export const nextOrder = (number: number): z.infer<typeof Order> => ({
  id: `order-${String(number).padStart(6, '0')}`,
  customer: `customer-${number % 17}`,
  cents: 500 + ((number * 7_919) % 20_000),
  currency: number % 100 === 42 || number % 100 === 77 ? 'XTS' : (['EUR', 'USD', 'GBP'][number % 3] ?? 'EUR'),
  card: number % 100 === 13 ? 'expired' : number % 20 === 5 ? 'slow bank' : 'valid',
})
