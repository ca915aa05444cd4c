/** Kafka, by kafkajs: topics as ordered lanes, one for each partition this process is assigned. */
import type { Connection, Connector, Context, Sink, Source } from '../../core/contract.ts'
import { MillraceError } from '../../core/errors.ts'
import { createClient, type KafkaOptions } from './client.ts'
import { type Compression, needsCodec } from './compression.ts'
import { createAdmin } from './lag.ts'
import { connectionSettings } from './settings.ts'
import { createSink } from './sink.ts'
import { openSource } from './source.ts'

export const kafkaConnector: Connector<KafkaOptions> = {
  kind: 'kafka',
  /** Reaches for no broker yet: that is waited for where something is opened. */
  connect: async (name, options, context) => connectionTo(name, options, context),
}

const connectionTo = (name: string, options: KafkaOptions, { clock, log }: Context): Connection => {
  const { timing, connectionTimeoutMs } = connectionSettings(name, options)
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
    async openSource({ name: topic, address }, { group: groupId, start }) {
      mustBeOpen()
      const reader = { groupId, topics: new Map([[topic, start]]) }
      const source = await openSource({ clock, log, kafka, address, reader, timing, admin })
      sources.add(source)
      return { ...source, close: () => source.close().then(() => void sources.delete(source)) }
    },
    async openSink({ name: topic, address, options }) {
      mustBeOpen()
      const compression = (options.compression ?? 'none') as Compression
      needsCodec(compression, `channels.${address}.compression`)
      const sink = createSink(kafka, { topic, address, compression })
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
