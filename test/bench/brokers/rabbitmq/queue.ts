import { env } from 'millrace'
import { rabbitmq } from 'millrace/rabbitmq'
import { PLACE, URL_VARIABLE } from '../work.ts'

/** Bytes, so that the machinery is measured and not a parser. The queue is there already, a classic one. */
export const queue = rabbitmq('bench', { url: env(URL_VARIABLE) }).queue(PLACE, { codec: 'bytes', declare: false })
