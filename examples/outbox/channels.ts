import { env } from 'millrace'
import { postgres } from 'millrace/postgres'
import { z } from 'zod'

export const DATABASE_URL = env('DATABASE_URL', 'postgres://postgres:postgres@localhost:5432/postgres')

const shop = postgres('shop', { url: DATABASE_URL })

export const Event = z.object({ order: z.string(), happened: z.enum(['placed', 'paid', 'shipped']) })

/** Written in the transactions that the events are about. */
export const events = shop.outbox('outbox_example', { schema: Event, createTable: true })
