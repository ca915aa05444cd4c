/** Sending to a queue or an exchange: durable and confirmed, and an error for a record that no queue takes. */
import type { Clock } from '../../core/clock.ts'
import type { ChannelRef, OutgoingRecord, Sink } from '../../core/contract.ts'
import { MillraceError } from '../../core/errors.ts'
import type { Link, Opened } from './connection.ts'
import { type Delays, LONGEST_DELAY_MS, publishEach } from './delays.ts'
import { cameBy, type Dated, type Message, newMessage } from './message.ts'
import { exchangePlan, queuePlan } from './plan.ts'
import { createPublisher, type Publisher } from './publisher.ts'
import { declareExchange, declareQueue } from './topology.ts'

export interface SinkTools {
  readonly clock: Clock
  /** The connection for writing. */
  readonly link: Link
  readonly sendTimeoutMs: number
  /** A name for a record that was given none; never the same again. */
  readonly newId: () => string
}

/** Connects and declares with the first send. Throws CONFIG_INVALID. */
export const createQueueSink = (channel: ChannelRef, delays: Delays, tools: SinkTools): Sink => {
  const queue = channel.name
  const plan = (server: Opened['server']) => queuePlan(channel, queue, server)
  plan({ product: '', version: '' })
  const publisher = createPublisher({
    ...tools,
    where: `sending to ${channel.address}`,
    prepare: opened => declareQueue(opened, plan(opened.server), 'SEND_FAILED'),
  })
  return sinkOf(publisher, tools, record => {
    const { delayMs = 0 } = record
    if (delayMs <= 0)
      return {
        publisher,
        message: newMessage(record, { exchange: '', routingKey: queue }, { seenAs: seenAs(queue, record) }),
      }
    if (delayMs > LONGEST_DELAY_MS)
      return notSendable(channel, `delayMs must be at most ${LONGEST_DELAY_MS} (an hour), got ${delayMs}`)
    const step = delays.step(delayMs)
    const to = { exchange: '', routingKey: step.queue }
    return {
      publisher: step.publisher,
      message: newMessage(record, to, { seenAs: seenAs(queue, record), delayedBy: step.queue }),
    }
  })
}

/** Connects and declares with the first send. The record's key is the routing key. Throws CONFIG_INVALID. */
export const createExchangeSink = (channel: ChannelRef, tools: SinkTools): Sink => {
  const plan = exchangePlan(channel)
  const publisher = createPublisher({
    ...tools,
    where: `sending to ${channel.address}`,
    prepare: opened => declareExchange(opened, plan, 'SEND_FAILED'),
  })
  return sinkOf(publisher, tools, record => {
    if ((record.delayMs ?? 0) > 0)
      return notSendable(
        channel,
        'delayMs is not possible, an exchange keeps nothing; send to a queue, or leave it out',
      )
    const routingKey = routingKeyOf(record)
    if (routingKey === undefined)
      return notSendable(channel, 'the key is the routing key, which must be UTF-8 text of at most 255 bytes')
    return { publisher, message: newMessage(record, { exchange: channel.name, routingKey }) }
  })
}

type Addressed = { readonly publisher: Publisher; readonly message: Message }

const sinkOf = (
  publisher: Publisher,
  { clock, newId }: SinkTools,
  address: (record: Dated) => Addressed | MillraceError,
): Sink => ({
  async send(records) {
    const addressed = records.map(record =>
      address({ ...record, id: record.id ?? newId(), time: record.time ?? clock.now() }),
    )
    const sendable = addressed.filter((each): each is Addressed => !(each instanceof MillraceError))
    const outcomes = [...(await publishEach(sendable))]
    return addressed.map(each => (each instanceof MillraceError ? each : (outcomes.shift() ?? null)))
  },
  close: publisher.close,
})

/** A record that goes back to the queue it was read from, as a replayed one does, is seen as it came first. */
const seenAs = (queue: string, record: OutgoingRecord) =>
  record.position?.queue === queue ? cameBy(record) : undefined

const routingKeyOf = ({ key = null }: OutgoingRecord): string | undefined => {
  const text = key instanceof Uint8Array ? readText(key) : (key ?? '')
  return text !== undefined && Buffer.byteLength(text) <= 255 ? text : undefined
}

const readText = (bytes: Uint8Array): string | undefined => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

const notSendable = (channel: ChannelRef, problem: string): MillraceError =>
  new MillraceError('SEND_INVALID', `${channel.address}: ${problem}`)
