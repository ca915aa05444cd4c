/** From a channel to its source: of one topic with its retry topics, or of all topics that match a pattern. */
import type { Kafka } from 'kafkajs'
import type { Clock } from '../../core/clock.ts'
import type { ChannelRef, ReadOptions, Source, StartPosition } from '../../core/contract.ts'
import { MillraceError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import type { Reader } from './assignment.ts'
import { type Compression, needsCodec } from './compression.ts'
import { createDeferrals } from './deferral.ts'
import type { KafkaAdmin } from './lag.ts'
import { openPattern } from './pattern.ts'
import { prepareRetryTopics, type RetryTopics } from './retry-setup.ts'
import type { Timing } from './session.ts'
import { type KafkaSource, openSource, type SourceTools } from './source.ts'

export interface OpeningTools {
  readonly clock: Clock
  readonly log: Log
  readonly kafka: Kafka
  readonly admin: KafkaAdmin
  readonly timing: Timing
  /** What happens where a retry topic is missing. */
  readonly missing: 'create' | 'refuse'
}

/** Rejects when what is to be read is not there, must not be read, or cannot be reached. */
export const openChannel = (tools: OpeningTools, channel: ChannelRef, read: ReadOptions): Promise<Source> =>
  channel.type === 'topics' ? openMatching(tools, channel, read) : openTopic(tools, channel, read)

/** Throws CONFIG_INVALID where its codec is not installed. */
export const compressionOf = ({ address, options }: ChannelRef): Compression => {
  const compression = (options.compression ?? 'none') as Compression
  needsCodec(compression, `channels.${address}.compression`)
  return compression
}

const openTopic = async (
  tools: OpeningTools,
  channel: ChannelRef,
  { group: groupId, start, signal }: ReadOptions,
): Promise<Source> => {
  const retry = await prepareRetryTopics({ ...tools, channel, groupId })
  return openReader({ ...tools, signal }, channel, readerOf(channel, groupId, start, retry), retry.steps)
}

const openReader = (
  tools: OpeningTools & Pick<SourceTools, 'signal'>,
  channel: ChannelRef,
  reader: Reader,
  steps: RetryTopics['steps'],
): Promise<KafkaSource> => {
  const { address } = channel
  const deferrals = createDeferrals({ ...tools, address, compression: compressionOf(channel), steps })
  return openSource({ ...tools, address, reader, deferrals, deferStepsMs: steps.map(({ stepMs }) => stepMs) })
}

/** What is in a retry topic was claimed once: wherever the group begins, none of it is skipped. */
const readerOf = ({ name }: ChannelRef, groupId: string, start: StartPosition, { read }: RetryTopics): Reader => ({
  groupId,
  topics: new Map<string, StartPosition>([[name, start], ...read.map(({ topic }) => [topic, 'earliest'] as const)]),
  retryTopics: new Set(read.map(({ topic }) => topic)),
})

const openMatching = async (
  tools: OpeningTools,
  channel: ChannelRef,
  { group: groupId, start, signal }: ReadOptions,
): Promise<Source> => {
  const { pattern } = channel.options
  if (!(pattern instanceof RegExp))
    throw new MillraceError('CONFIG_INVALID', `channels.${channel.address}.pattern must be a regular expression`, {
      fatal: true,
    })
  const { admin, timing } = tools
  return openPattern({
    ...tools,
    address: channel.address,
    pattern,
    start,
    list: admin.names,
    positioned: topics => admin.positioned(groupId, topics),
    open: topics => openReader({ ...tools, signal }, channel, { groupId, topics, retryTopics: new Set() }, []),
    refreshMs: timing.refreshMs,
  })
}
