import { env } from 'millrace'
import { redis } from 'millrace/redis'
import { z } from 'zod'

export const REDIS_URL = env('REDIS_URL', 'redis://localhost:6379')

const web = redis('web', { url: REDIS_URL })

/** Times are numbers in what the shop sends, and texts in what the old web server writes with XADD. */
export const Click = z.object({ visitor: z.string(), page: z.string().startsWith('/'), at: z.coerce.number() })

/** Every group gets every click. */
export const clicks = web.stream('clicks', { schema: Click, maxLength: 1_000_000 })
