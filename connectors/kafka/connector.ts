/** Kafka, by kafkajs: topics as ordered lanes, one for each partition this process is assigned. */
import type { ChannelRef, Connection, Connector, Context, Sink, Source, StartPosition } from '../../core/contract.ts'
import { MillraceError } from '../../core/errors.ts'
import type { Reader } from './assignment.ts'
import { createClient, type KafkaOptions } from './client.ts'
import { type Compression, needsCodec } from './compression.ts'
import { createDeferrals } from './deferral.ts'
import { createAdmin } from './lag.ts'
import { prepareRetryTopics, type RetryTopics } from './retry-setup.ts'
import { connectionSettings } from './settings.ts'
import { createSink } from './sink.ts'
import { openSource } from './source.ts'

export const kafkaConnector: Connector<KafkaOptions> = {
  kind: 'kafka',
  /** Reaches for no broker yet: that is waited for where something is opened. */
  connect: async (name, options, context) => connectionTo(name, options, context),
}

const connectionTo = (name: string, options: KafkaOptions, { clock, log }: Context): Connection => {
  const { timing, connectionTimeoutMs, createTopics } = connectionSettings(name, options)
  const kafka = createClient(name, options, { log, connectionTimeoutMs })
  const admin = createAdmin(name, () => kafka.admin())
  const sources = new Set<Source>()
  const sinks = new Set<Sink>()
  let closing: Promise<void> | undefined
  const mustBeOpen = (): void => {
    if (closing) throw new MillraceError('APP_STATE', `the connection ${name} is closed; nothing can be opened on it`)
  }
  const close = async (): Promise<void> => {
    await Promise.all([...sources, ...sinks].map(each => each.close()))
    await admin.close()
  }
  return {
    async openSource(channel, { group: groupId, start }) {
      mustBeOpen()
      const { address } = channel
      const compression = compressionOf(channel)
      const missing = createTopics ? 'create' : 'refuse'
      const retry = await prepareRetryTopics({ admin, log, channel, groupId, missing })
      const reader = readerOf(channel, groupId, start, retry)
      const deferrals = createDeferrals({ clock, log, kafka, address, compression, steps: retry.steps })
      const deferStepsMs = retry.steps.map(({ stepMs }) => stepMs)
      const source = await openSource({
        clock,
        log,
        kafka,
        address,
        reader,
        timing,
        admin,
        deferrals,
        deferStepsMs,
      })
      sources.add(source)
      return { ...source, close: () => source.close().then(() => void sources.delete(source)) }
    },
    async openSink(channel) {
      mustBeOpen()
      const { name: topic, address } = channel
      const sink = createSink(kafka, { topic, address, compression: compressionOf(channel) })
      sinks.add(sink)
      return sink
    },
    check: async () => [await admin.check()],
    close() {
      closing ??= close()
      return closing
    },
  }
}

/** Throws CONFIG_INVALID where its codec is not installed. */
const compressionOf = ({ address, options }: ChannelRef): Compression => {
  const compression = (options.compression ?? 'none') as Compression
  needsCodec(compression, `channels.${address}.compression`)
  return compression
}

/** What is in a retry topic was claimed once: wherever the group begins, none of it is skipped. */
const readerOf = ({ name }: ChannelRef, groupId: string, start: StartPosition, { read }: RetryTopics): Reader => ({
  groupId,
  topics: new Map<string, StartPosition>([[name, start], ...read.map(({ topic }) => [topic, 'earliest'] as const)]),
  retryTopics: new Set(read.map(({ topic }) => topic)),
})
