/** Sending to a topic: confirmed by all replicas that are in sync, each record told apart. */
import kafkajs, { type ICustomPartitioner, type Kafka, type Message, type Producer } from 'kafkajs'
import type { OutgoingRecord, Sink } from '../../core/contract.ts'
import { MillraceError } from '../../core/errors.ts'
import { COMPRESSION_TYPES, type Compression } from './compression.ts'
import { isNamed, kafkaError } from './failure.ts'
import { headersOut } from './headers.ts'

type Outcome = null | MillraceError

const RETRY = { initialRetryTime: 200, maxRetryTime: 3_000, retries: 5 }

export interface SinkOptions {
  readonly topic: string
  readonly address: string
  readonly compression: Compression
}

/** Connects with the first send. After a send that failed the producer is another one: its sequence may be broken. */
export const createSink = (kafka: Kafka, { topic, address, compression }: SinkOptions): Sink => {
  let producer: Promise<Producer> | undefined
  let turn: Promise<unknown> = Promise.resolve()
  let closed: Promise<void> | undefined

  const connect = async (): Promise<Producer> => {
    const created = kafka.producer({
      idempotent: true,
      allowAutoTopicCreation: false,
      createPartitioner: keepPartitions,
      retry: RETRY,
    })
    try {
      await created.connect()
      return created
    } catch (error) {
      await created.disconnect()
      throw error
    }
  }
  const discard = async (): Promise<void> => {
    const old = await producer?.catch(() => undefined)
    producer = undefined
    await old?.disconnect()
  }
  const sendTogether = async (messages: readonly Message[]): Promise<Outcome> => {
    try {
      producer ??= connect()
      await (await producer).send({
        topic,
        acks: -1,
        compression: COMPRESSION_TYPES[compression],
        messages: [...messages],
      })
      return null
    } catch (error) {
      await discard()
      return kafkaError('SEND_FAILED', `sending to ${address}`, error)
    }
  }
  const send = async (records: readonly OutgoingRecord[]): Promise<readonly Outcome[]> => {
    const prepared = records.map(record => messageOf(record, address))
    const messages = prepared.filter((each): each is Message => !(each instanceof MillraceError))
    const together = messages.length === 0 ? null : await sendTogether(messages)
    const alone = isRefusal(together) && messages.length > 1
    const outcomes: Outcome[] = []
    for (const each of prepared)
      outcomes.push(each instanceof MillraceError ? each : alone ? await sendTogether([each]) : together)
    return outcomes
  }
  return {
    // One at a time: an idempotent producer of kafkajs numbers what it sends, and a retry must not be overtaken.
    send(records) {
      const sent = turn.then(() => send(records))
      turn = sent.catch(() => {})
      return sent
    },
    close() {
      closed ??= turn.then(discard)
      return closed
    },
  }
}

/** One record that the broker does not take makes it refuse all that were sent with it: alone each gets its own answer. */
const isRefusal = (outcome: Outcome): boolean =>
  isNamed(
    outcome,
    'MESSAGE_TOO_LARGE',
    'RECORD_LIST_TOO_LARGE',
    'INVALID_RECORD',
    'INVALID_TIMESTAMP',
    'CORRUPT_MESSAGE',
  )

const messageOf = (record: OutgoingRecord, address: string): Message | MillraceError => {
  if (record.delayMs !== undefined && record.delayMs > 0)
    return new MillraceError(
      'SEND_INVALID',
      `${address}: delayMs is not possible, Kafka cannot delay a record; leave it out`,
    )
  const { key = null, body, headers = [], time, position } = record
  const partition = position?.partition
  return {
    key: key === null ? null : typeof key === 'string' ? Buffer.from(key) : bufferOf(key),
    value: body === null ? null : bufferOf(body),
    headers: headersOut(headers),
    ...(time === undefined ? {} : { timestamp: String(time) }),
    ...(typeof partition === 'number' ? { partition } : {}),
  }
}

const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** The partition a record had, where the topic has it; else the one Java's producer would choose for its key. */
const keepPartitions: ICustomPartitioner = () => {
  const byKey = kafkajs.Partitioners.DefaultPartitioner()
  return ({ topic, partitionMetadata, message: { partition, ...message } }) =>
    partition !== undefined && partitionMetadata.some(({ partitionId }) => partitionId === partition)
      ? partition
      : byKey({ topic, partitionMetadata, message })
}
