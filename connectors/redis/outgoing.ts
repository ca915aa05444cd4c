/** What is sent for a record, by the type of its channel; pure. */
import type { ChannelRef, OutgoingRecord } from '../../core/contract.ts'
import { MillraceError } from '../../core/errors.ts'
import { listSettings, streamSettings, subscriptionSettings } from './channel-settings.ts'
import type { RedisArgument } from './connection.ts'
import { elementOfRecord } from './element.ts'
import { fieldsOfRecord } from './record.ts'

export interface Command {
  readonly name: 'XADD' | 'LPUSH' | 'RPUSH' | 'PUBLISH'
  readonly args: readonly RedisArgument[]
}

export interface Writing {
  /** The command that sends it, or why it cannot be sent. */
  commandFor(record: OutgoingRecord): Command | MillraceError
  /** Whether key and headers arrive as well. */
  readonly carries: 'record' | 'body'
}

export const writingTo = (channel: ChannelRef): Writing => {
  const { carries, build } = builderFor(channel)
  return {
    carries,
    commandFor(record) {
      if ((record.delayMs ?? 0) > 0)
        return refused(channel, `delayMs must be 0, got ${record.delayMs}; Redis delivers at once`)
      return build(record)
    },
  }
}

interface Builder {
  readonly carries: Writing['carries']
  readonly build: Writing['commandFor']
}

const builderFor = (channel: ChannelRef): Builder => {
  if (channel.type === 'stream') return { carries: 'record', build: toStream(channel) }
  if (channel.type === 'list') return { carries: listSettings(channel).format, build: toList(channel) }
  return { carries: 'body', build: toSubscribers(channel) }
}

const toStream = (channel: ChannelRef): Builder['build'] => {
  const { maxLength, trim } = streamSettings(channel)
  const trimming = maxLength === undefined ? [] : ['MAXLEN', trim === 'exact' ? '=' : '~', maxLength]
  return record => {
    // Texts of a record become UTF-8 here, which half a surrogate pair would not survive; headers are JSON, which it does.
    if (typeof record.key === 'string' && !record.key.isWellFormed())
      return refused(channel, 'key must be well-formed text, got a lone surrogate; send the key as bytes')
    if (record.id !== undefined && !record.id.isWellFormed())
      return refused(channel, 'id must be well-formed text, got a lone surrogate')
    return { name: 'XADD', args: [channel.name, ...trimming, '*', ...fieldsOfRecord(record)] }
  }
}

const toList = (channel: ChannelRef): Builder['build'] => {
  const { pushes, format } = listSettings(channel)
  const name = pushes === 'left' ? 'LPUSH' : 'RPUSH'
  return record => {
    const element = elementOfRecord(format, record)
    if (element) return { name, args: [channel.name, element] }
    return refused(channel, "body must be bytes in a list of bodies, got a tombstone; give the list format: 'record'")
  }
}

const toSubscribers = (channel: ChannelRef): Builder['build'] => {
  const { pattern } = subscriptionSettings(channel)
  return ({ body }) => {
    if (pattern) return refused(channel, 'nothing can be published to a pattern; declare the channel it is for')
    if (body) return { name: 'PUBLISH', args: [channel.name, body] }
    return refused(channel, 'body must be bytes, got a tombstone, which cannot be published')
  }
}

const refused = ({ address }: ChannelRef, what: string): MillraceError =>
  new MillraceError('SEND_INVALID', `${address}: ${what}`)
