/** What a channel wants the broker to have: queues, exchanges and bindings as data. `topology.ts` declares them. */
import type { ChannelRef, HeaderValue } from '../../core/contract.ts'
import type { BrokerVersion } from './connection.ts'
import type { Binding, BoundExchange, ExchangeType, Table } from './options.ts'
import { channelSettings, invalid } from './settings.ts'
import { isAtLeast } from './version.ts'

export interface QueuePlan {
  readonly queue: string
  readonly messageId: 'unique' | 'ignored'
  /** Undefined: it must exist, and is left as it is. */
  readonly declare: QueueDeclaration | undefined
}

export interface QueueDeclaration {
  readonly durable: boolean
  readonly arguments: Table
  /** Those of the arguments that are only our wish: an existing queue without them will do. */
  readonly wishes: readonly string[]
  readonly exchanges: readonly ExchangePlan[]
  readonly bindings: readonly BindingPlan[]
}

export interface ExchangePlan {
  readonly exchange: string
  /** Undefined: it must exist, and is left as it is. */
  readonly declare: ExchangeDeclaration | undefined
}

export interface ExchangeDeclaration {
  readonly type: ExchangeType
  readonly durable: boolean
  readonly arguments: Table
}

export interface BindingPlan {
  readonly exchange: string
  readonly key: string
  readonly arguments: Table
}

/**
 * The queue that a reader of this channel reads: the channel's own, or, of an exchange, one named after the group that
 * gets everything. Throws CONFIG_INVALID.
 */
export const queuePlan = (channel: ChannelRef, group: string, server: BrokerVersion): QueuePlan => {
  if (channel.type === 'queue') return ownQueue(channel, server)
  const { exchange, declare } = exchangePlan(channel)
  if (declare?.type === 'direct')
    throw invalid(
      `channels.${channel.address} is a direct exchange, of which a source must say its keys: read({ group, keys: ['…'] })`,
    )
  const bind = [{ exchange, ...declare }]
  return ownQueue({ ...channel, name: group, options: { bind } }, server)
}

const ownQueue = (channel: ChannelRef, server: BrokerVersion): QueuePlan => {
  const { declare, messageId, ...options } = channelSettings('queue', channel)
  const at = `channels.${channel.address}`
  const quorum = options.type === 'quorum'
  if (Buffer.byteLength(channel.name) > 255) throw invalid(`${at}: the name of a queue must be at most 255 bytes`)
  if (quorum && options.priorities !== undefined)
    throw invalid(`${at}.priorities must be left out of a quorum queue; type: 'classic' has priorities`)
  if (quorum && !options.durable) throw invalid(`${at}.durable must be true for a quorum queue, got false`)
  if (!quorum && options.deliveryLimit !== undefined)
    throw invalid(`${at}.deliveryLimit must be left out of a classic queue; quorum queues count deliveries`)
  const given = argumentsOf(options)
  const wished: Table = quorum
    ? // Since 4.0 a quorum queue drops what it has delivered 20 times, unless told otherwise.
      isAtLeast(server, 4, 0) && given['x-delivery-limit'] === undefined
      ? { 'x-delivery-limit': -1 }
      : {}
    : // A virtual host may have another type by default.
      { 'x-queue-type': 'classic' }
  return {
    queue: channel.name,
    messageId,
    declare: declare
      ? {
          durable: options.durable,
          arguments: { ...wished, ...given },
          wishes: Object.keys(wished).filter(name => given[name] === undefined),
          exchanges: options.bind.map(boundExchange),
          bindings: options.bind.flatMap(binding => bindingPlans(binding, `${at}.bind`)),
        }
      : undefined,
  }
}

type QueueSettings = Omit<ReturnType<typeof channelSettings<'queue'>>, 'declare' | 'messageId'>

const argumentsOf = (options: QueueSettings): Table => ({
  ...(options.type === 'quorum' ? { 'x-queue-type': 'quorum' } : {}),
  ...(options.priorities === undefined ? {} : { 'x-max-priority': options.priorities }),
  ...(options.singleActiveConsumer ? { 'x-single-active-consumer': true } : {}),
  ...(options.deliveryLimit === undefined ? {} : { 'x-delivery-limit': options.deliveryLimit }),
  ...options.arguments,
})

/** Throws CONFIG_INVALID. */
export const exchangePlan = (channel: ChannelRef): ExchangePlan => {
  const { declare, type, durable, alternate, arguments: more } = channelSettings('exchange', channel)
  return { exchange: channel.name, declare: declare ? declarationOf(type, durable, alternate, more) : undefined }
}

const boundExchange = ({
  exchange,
  type,
  durable = true,
  alternate,
  arguments: more = {},
}: BoundExchange): ExchangePlan => ({
  exchange,
  declare: type === undefined ? undefined : declarationOf(type, durable, alternate, more),
})

const declarationOf = (
  type: ExchangeType,
  durable: boolean,
  alternate: string | undefined,
  more: Table,
): ExchangeDeclaration => ({
  type,
  durable,
  arguments: { ...(alternate === undefined ? {} : { 'alternate-exchange': alternate }), ...more },
})

/** Without keys: all that a topic, fanout or headers exchange has. */
const bindingPlans = (binding: Binding, at: string): readonly BindingPlan[] => {
  const { exchange, type, keys, headers, match = 'all' } = binding
  if (headers !== undefined && keys !== undefined)
    throw invalid(`${at}: the binding to ${exchange} must have keys or headers, not both`)
  if (type === 'direct' && (keys ?? []).length === 0)
    throw invalid(`${at}: the binding to ${exchange}, a direct exchange, must have keys`)
  const wanted: Readonly<Record<string, HeaderValue>> = headers === undefined ? {} : { 'x-match': match, ...headers }
  const patterns = keys ?? [type === 'topic' || type === undefined ? '#' : '']
  return patterns.map(key => ({ exchange, key, arguments: wanted }))
}
