import { embedded, env } from 'millrace'
import { http, standardWebhooks } from 'millrace/http'
import { z } from 'zod'

export const PORT = Number(process.env.WEBHOOKS_PORT ?? 8_080)

const Order = z.object({ id: z.string(), customer: z.string(), total: z.number().positive() })

export const orders = embedded().queue('orders', { schema: Order })

const api = http('api', { port: PORT })

/** Whoever knows the secret may put orders into the queue; each delivery counts once, however often it is sent. */
export const door = api.post('/webhooks/orders', {
  into: orders,
  verify: standardWebhooks(env('WEBHOOK_SECRET', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')),
  idempotency: { by: 'webhook' },
})

/** And everybody may ask what came of them. */
export const totals = api.get('/totals/:customer')
