/** Schedules, whose slots are written down where the configuration says, else in the app's state folder. */
import type { Connector, Source } from '../../core/contract.ts'
import type { SlotStore } from '../../core/slots.ts'
import { cannotSend, openSource } from './source.ts'
import { openSqliteSlots } from './sqlite-slots.ts'

export const cronConnector: Connector = {
  kind: 'cron',
  async connect(_name, _options, context) {
    const sources = new Set<Source>()
    let opening: Promise<SlotStore> | undefined
    let closing: Promise<void> | undefined
    /** What failed to open is tried again with the next source. */
    const store = (): Promise<SlotStore> => {
      opening ??= openStore().catch(error => {
        opening = undefined
        throw error
      })
      return opening
    }
    const openStore = async (): Promise<SlotStore> => (await context.slots?.()) ?? openSqliteSlots(context.stateDir)
    const close = async (): Promise<void> => {
      for (const source of sources) await source.close()
      await (await opening)?.close()
    }
    return {
      async openSource(channel, read) {
        const source = await openSource({ ...context, store: await store() }, channel, read)
        sources.add(source)
        return { ...source, close: () => source.close().then(() => void sources.delete(source)) }
      },
      async openSink(channel) {
        throw cannotSend(channel)
      },
      check: async () => [{ name: 'schedules', ok: true, detail: `slots are kept in ${(await store()).where}` }],
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
