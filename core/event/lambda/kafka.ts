/** The event AWS Lambda has for a self-managed Kafka cluster. */
import type { HeaderValue } from '../../contract.ts'
import { base64Of, bytesOf, headerText, signedBytes } from '../bytes.ts'
import { shapeOf } from '../shape.ts'
import { awsAnswer } from './answer.ts'

interface KafkaRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly timestampType: 'CREATE_TIME'
  /** base64; left out where Kafka has null. */
  readonly key?: string
  readonly value?: string
  readonly headers: readonly Readonly<Record<string, readonly number[]>>[]
}

export const kafkaShape = shapeOf<KafkaRecord>({
  holds: 'batch',
  item({ record }, from, index) {
    const { topic = from.name, partition = 0, offset = index } = record.position ?? {}
    const item: KafkaRecord = {
      topic: String(topic),
      partition: Number(partition),
      offset: Number(offset),
      timestamp: record.time,
      timestampType: 'CREATE_TIME',
      ...(record.key === null ? {} : { key: bytesOf(record.key).toString('base64') }),
      ...(record.body === null ? {} : { value: base64Of(record.body) }),
      headers: record.headers.map(([name, value]) => ({ [name]: signedBytes(headerBytes(value)) })),
    }
    return { item, name: nameOf(partitionOf(item), item.offset) }
  },
  event: (items, { servers }) => ({
    eventSource: 'SelfManagedKafka',
    ...(servers === undefined ? {} : { bootstrapServers: servers }),
    records: Object.fromEntries(Map.groupBy(items, partitionOf)),
  }),
  readAnswer: awsAnswer({
    readName: readIdentifier,
    expected: '{ partition: "topic-0", offset: 42 } of a record of the event',
    failed: 'named',
  }),
})

const partitionOf = ({ topic, partition }: KafkaRecord): string => `${topic}-${partition}`

const nameOf = (partition: string, offset: number): string => `${offset}@${partition}`

function readIdentifier(identifier: unknown): string | undefined {
  const { partition, offset } = (identifier ?? {}) as { readonly partition?: unknown; readonly offset?: unknown }
  return typeof partition === 'string' && typeof offset === 'number' ? nameOf(partition, offset) : undefined
}

const headerBytes = (value: HeaderValue): Uint8Array =>
  value instanceof Uint8Array ? value : bytesOf(headerText(value) ?? '')
