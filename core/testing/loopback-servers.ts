/** The HTTP servers of an app under test: the real ones, each on a loopback port of its own, whatever its options say. */
import type { LoadConnector } from '../connections.ts'
import type { Connection, Connector } from '../contract.ts'
import { MillraceError } from '../errors.ts'

export interface FetchOptions extends RequestInit {
  /** The name of the server's connection. Default: the only one there is. */
  readonly connection?: string
}

export interface LoopbackServers {
  /** Stands in for the connector of kind `http`. */
  connector(load: LoadConnector): Promise<Connector>
  fetch(path: string, options?: FetchOptions): Promise<Response>
}

const LOOPBACK = { host: '127.0.0.1', port: 0, tls: undefined }

export const loopbackServers = (): LoopbackServers => {
  const servers = new Map<string, Connection>()
  return {
    async connector(load) {
      const http = await load('http')
      return {
        kind: http.kind,
        async connect(name, options, context) {
          const server = await http.connect(name, { ...(options as object), ...LOOPBACK }, context)
          servers.set(name, server)
          return server
        },
      }
    },
    async fetch(path, { connection, ...init } = {}) {
      const server = connection === undefined ? onlyOne(servers) : servers.get(connection)
      const [check] = (await server?.check()) ?? []
      if (!check?.ok)
        throw new MillraceError(
          'APP_STATE',
          `fetch('${path}'): ${connection === undefined ? 'no server' : `no server of connections.${connection}`} listens in this ` +
            `app; there are ${[...servers.keys()].join(', ') || 'none'}: it needs a mapping of a route, or a door`,
        )
      return fetch(new URL(path, check.detail), init)
    },
  }
}

const onlyOne = (servers: ReadonlyMap<string, Connection>): Connection | undefined => {
  const [server, ...others] = servers.values()
  if (others.length === 0) return server
  throw new MillraceError(
    'APP_STATE',
    `fetch: the app has ${servers.size} servers; say which one with { connection: '…' }: ${[...servers.keys()].join(', ')}`,
  )
}
