/** The embedded broker: queues, topics and streams in the SQLite database of the app's state folder. */
import { resolve } from 'node:path'
import type { Check, Connection, Connector, Context, Source } from '../../core/contract.ts'
import { openDatabase } from '../../core/database.ts'
import { errorInfo } from '../../core/errors.ts'
import { openCompeting } from './competing.ts'
import type { Place } from './place.ts'
import { startRetention } from './retention.ts'
import { openSink } from './sink.ts'
import { openStream } from './stream.ts'
import { migrateTables, openChannel } from './tables.ts'
import { wakesOf } from './wakes.ts'

export interface EmbeddedOptions {
  /** The folder of the database, relative to the app's state folder. Default: that folder itself. */
  readonly path?: string
}

export const embeddedConnector: Connector<EmbeddedOptions> = {
  kind: 'embedded',
  async connect(_name, options, context) {
    const database = openDatabase(resolve(context.stateDir, options.path ?? '.'))
    migrateTables(database)
    return connectionOn({ ...context, database, wakes: wakesOf(database) })
  },
}

const connectionOn = (place: Place): Connection => {
  const { database } = place
  const retention = startRetention(place)
  const sources = new Set<Source>()
  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => {
    await retention.stop()
    for (const source of sources) await source.close()
    await database.close()
  }
  /** A source that could not give back what it claimed, on a full disk, is asked again by the next close. */
  const tryAgain = (error: unknown): never => {
    closing = undefined
    throw error
  }
  return {
    async openSource(ref, read) {
      const channel = await openChannel(database, ref, newUid(place))
      retention.keep(channel, ref.options)
      const open = channel.type === 'stream' ? openStream : openCompeting
      const source = await open(place, channel, read)
      sources.add(source)
      return { ...source, close: () => source.close().then(() => void sources.delete(source)) }
    },
    async openSink(ref) {
      const channel = await openChannel(database, ref, newUid(place))
      retention.keep(channel, ref.options)
      return openSink(place, channel)
    },
    check: async () => [await checkWriting(place)],
    close() {
      closing ??= close().catch(tryAgain)
      return closing
    },
  }
}

/** Eight characters that no other channel of this name will have had. */
const newUid = ({ clock, random }: Context): string =>
  clock.now().toString(36).slice(-5) +
  Math.floor(random() * 36 ** 3)
    .toString(36)
    .padStart(3, '0')

const checkWriting = async ({ database, clock }: Place): Promise<Check> => {
  const name = 'embedded broker'
  try {
    await database.write(() =>
      database
        .sql(
          `INSERT INTO embedded_logs (channel, partition, next, bytes) VALUES (0, 0, ?1, 0)
           ON CONFLICT (channel, partition) DO UPDATE SET next = ?1`,
        )
        .run(clock.now()),
    )
    return { name, ok: true, detail: `${database.path} can be written` }
  } catch (error) {
    return { name, ok: false, detail: errorInfo(error).message }
  }
}
