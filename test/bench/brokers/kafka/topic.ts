import { env } from 'millrace'
import { kafka } from 'millrace/kafka'
import { PLACE, URL_VARIABLE } from '../work.ts'

/** Bytes, so that the machinery is measured and not a parser. */
export const topic = kafka('bench', { brokers: env(URL_VARIABLE) }).topic(PLACE, { codec: 'bytes' })
