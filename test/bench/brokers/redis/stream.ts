import { env } from 'millrace'
import { redis } from 'millrace/redis'
import { PLACE, URL_VARIABLE } from '../work.ts'

/** Bytes, so that the machinery is measured and not a parser. */
export const stream = redis('bench', { url: env(URL_VARIABLE) }).stream(PLACE, { codec: 'bytes', field: 'body' })
