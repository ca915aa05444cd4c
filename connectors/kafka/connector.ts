/** Kafka, by kafkajs: topics as ordered lanes, one for each partition this process is assigned. */
import type { Connection, Connector, Context, Sink, Source } from '../../core/contract.ts'
import { MillraceError } from '../../core/errors.ts'
import { createClient, type KafkaOptions } from './client.ts'
import { createAdmin } from './lag.ts'
import { compressionOf, type OpeningTools, openChannel } from './opening.ts'
import { connectionSettings } from './settings.ts'
import { createSink } from './sink.ts'

export const kafkaConnector: Connector<KafkaOptions> = {
  kind: 'kafka',
  /** Reaches for no broker yet: that is waited for where something is opened. */
  connect: async (name, options, context) => connectionTo(name, options, context),
}

const connectionTo = (name: string, options: KafkaOptions, { clock, log }: Context): Connection => {
  const { timing, connectionTimeoutMs, createTopics } = connectionSettings(name, options)
  const { kafka, destroy } = createClient(name, options, { log, connectionTimeoutMs })
  const admin = createAdmin(name, () => kafka.admin(), clock)
  const missing = createTopics ? 'create' : 'refuse'
  const opening: OpeningTools = { clock, log, kafka, admin, timing, missing }
  const sources = new Set<Source>()
  const sinks = new Set<Sink>()
  let closing: Promise<void> | undefined
  const mustBeOpen = (): void => {
    if (closing) throw new MillraceError('APP_STATE', `the connection ${name} is closed; nothing can be opened on it`)
  }
  const close = async (): Promise<void> => {
    await Promise.all([...sources, ...sinks].map(each => each.close()))
    await admin.close()
    destroy()
  }
  return {
    async openSource(channel, read) {
      mustBeOpen()
      const source = await openChannel(opening, channel, read)
      sources.add(source)
      return { ...source, close: () => source.close().then(() => void sources.delete(source)) }
    },
    async openSink(channel) {
      mustBeOpen()
      const { name: topic, address } = channel
      if (channel.type === 'topics')
        throw new MillraceError('SEND_INVALID', `${address} is a pattern; send to a topic that is declared by name`, {
          fatal: true,
        })
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
