/** HTTP servers: a connection is one port. */
import type { Connector, Source } from '../../core/contract.ts'
import { MillraceError } from '../../core/errors.ts'
import { openDoor } from './door.ts'
import { createHttpServer } from './server.ts'
import { doorSettings, routeSettings, serverSettings } from './settings.ts'
import { openRouteSource } from './source.ts'

export const httpConnector: Connector<Readonly<Record<string, unknown>>> = {
  kind: 'http',
  async connect(name, options, context) {
    const settings = serverSettings(name, options)
    const server = createHttpServer(name, settings, context)
    const sources = new Set<Source>()
    let closing: Promise<void> | undefined
    const close = async (): Promise<void> => {
      for (const source of sources) await source.close()
      await server.close()
    }
    return {
      async openSource(channel) {
        const source = await openRouteSource(context, server, channel, routeSettings(channel))
        sources.add(source)
        return { ...source, close: () => source.close().then(() => void sources.delete(source)) }
      },
      openDoor: (door, tools) => openDoor(context, server, door, doorSettings(door), tools),
      async openSink({ address }) {
        throw new MillraceError(
          'SEND_INVALID',
          `${address}: nothing can be sent to a route; who wants its answer calls it over HTTP`,
          { fatal: true },
        )
      },
      check: async () => [
        { name: 'server', ok: server.url() !== undefined, detail: server.url() ?? 'does not listen' },
      ],
      close() {
        closing ??= close()
        return closing
      },
    }
  },
}
