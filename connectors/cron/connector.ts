/** Schedules whose slots are rows in the database of the app's state folder. */
import type { Connector, Source } from '../../core/contract.ts'
import { openDatabase } from '../../core/database.ts'
import { cannotSend, openSource } from './source.ts'
import { migrateTables } from './tables.ts'

export const cronConnector: Connector = {
  kind: 'cron',
  async connect(_name, _options, context) {
    const database = openDatabase(context.stateDir)
    migrateTables(database)
    const sources = new Set<Source>()
    let closing: Promise<void> | undefined
    const close = async (): Promise<void> => {
      for (const source of sources) await source.close()
      await database.close()
    }
    return {
      async openSource(channel, read) {
        const source = await openSource({ ...context, database }, channel, read)
        sources.add(source)
        return { ...source, close: () => source.close().then(() => void sources.delete(source)) }
      },
      async openSink(channel) {
        throw cannotSend(channel)
      },
      check: async () => [{ name: 'schedules', ok: true, detail: `slots are rows of ${database.path}` }],
      close() {
        closing ??= close().catch(error => {
          closing = undefined
          throw error
        })
        return closing
      },
    }
  },
}
