import type { EventRecord, HeaderValue } from '../../core/contract.ts'
import { lastHeader } from '../../core/values.ts'
import type { Foreign } from '../foreign.ts'
import { textOf } from '../spring.ts'

const WORDS: Readonly<Record<string, string>> = {
  rejected: 'was rejected',
  expired: 'was too old',
  maxlen: 'did not fit into the queue',
  delivery_limit: 'was delivered too often',
}

/** What RabbitMQ dead-lettered itself: `x-death` has an entry for each queue and reason, the last death first. */
export const readRabbit = (record: EventRecord): Foreign | undefined => {
  const deaths = lastHeader(record, 'x-death')
  if (!Array.isArray(deaths)) return undefined
  const list = deaths.filter(isTable)
  const first = list.at(-1)
  const queue = textOf(lastHeader(record, 'x-first-death-queue')) ?? textOf(first?.queue)
  if (!first || queue === undefined) return undefined
  const exchange = textOf(lastHeader(record, 'x-first-death-exchange')) ?? textOf(first.exchange) ?? ''
  const reason = textOf(lastHeader(record, 'x-first-death-reason')) ?? textOf(first.reason) ?? 'dead-lettered'
  const [key] = Array.isArray(first['routing-keys']) ? first['routing-keys'].map(textOf) : []
  const times = list
    .filter(death => textOf(death.queue) === queue)
    .reduce((sum, { count }) => sum + Number(count ?? 1), 0)
  const failedAt = list[0]?.time instanceof Date ? list[0].time.getTime() : undefined
  return {
    from: 'rabbitmq',
    origin: queue,
    position: { queue, exchange, routingKey: key ?? queue },
    // At the default exchange the routing key is the queue's name, and no key.
    key: exchange === '' || key === undefined || key === '' ? null : key,
    ...(failedAt === undefined || Number.isNaN(failedAt) ? {} : { failedAt }),
    error: {
      name: reason,
      message: `it ${WORDS[reason] ?? `was ${reason}`} in queue ${queue}${times > 1 ? `, ${times} times` : ''}`,
    },
  }
}

const isTable = (value: HeaderValue): value is { readonly [name: string]: HeaderValue } =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof Date) &&
  !(value instanceof Uint8Array)
