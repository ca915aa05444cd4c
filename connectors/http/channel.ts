/** An HTTP server as users write it: routes, which functions answer, and doors, which put what comes in into a channel. */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Channel, Codec, CodecOption, ConnectionValue, Door, RequestChannel } from '../../core/config/channel.ts'
import type { Written } from '../../core/config/option.ts'
import { httpOptions, type Method } from './options.ts'

type Place = 'method' | 'path'
export type RouteOptions = Omit<Written<typeof httpOptions.channels.route>, Place>
export type DoorOptions = Omit<Written<typeof httpOptions.channels.door>, Place> & { readonly into: Channel }

/** Declares a route of one method, or, with `into`, a door. */
export interface DeclareRoute {
  (path: string, options: DoorOptions): Door
  <Schema extends StandardSchemaV1>(
    path: string,
    options: RouteOptions & { readonly schema: Schema; readonly codec?: CodecOption },
  ): RequestChannel<StandardSchemaV1.InferOutput<Schema>, StandardSchemaV1.InferInput<Schema>>
  (path: string, options: RouteOptions & { readonly codec: 'bytes' }): RequestChannel<Uint8Array>
  (path: string, options: RouteOptions & { readonly codec: 'text' }): RequestChannel<string>
  <Data = unknown>(
    path: string,
    options?: RouteOptions & { readonly codec?: 'json' | Codec<Data> },
  ): RequestChannel<Data>
}

/** A server on one port. Routes are a mapping's `source`; doors are listed under `doors`. */
export interface HttpConnection extends ConnectionValue<'http'> {
  readonly get: DeclareRoute
  readonly post: DeclareRoute
  readonly put: DeclareRoute
  readonly patch: DeclareRoute
  readonly delete: DeclareRoute
  /** Every method that is not declared beside it for the same path. */
  readonly any: DeclareRoute
}

/** An HTTP server under a name. Nothing listens before the app starts. */
export const http = (name: string, options: Written<typeof httpOptions.connection> = {}): HttpConnection => {
  const connection: ConnectionValue<'http'> = { kind: 'http', name, options, declares: httpOptions }
  const declare = (method: Method) =>
    ((path: string, written?: WrittenPlace) => placeOf(connection, method, path, written)) as DeclareRoute
  return {
    ...connection,
    get: declare('GET'),
    post: declare('POST'),
    put: declare('PUT'),
    patch: declare('PATCH'),
    delete: declare('DELETE'),
    any: declare('ANY'),
  }
}

type WrittenPlace = Partial<Pick<Channel, 'codec' | 'schema'>> &
  Readonly<Record<string, unknown>> & { readonly into?: Channel; readonly contentTypes?: readonly string[] }

const placeOf = (
  connection: ConnectionValue,
  method: Method,
  path: string,
  { codec = 'json', schema, into, ...written }: WrittenPlace = {},
): RequestChannel | Door => {
  const name = `${method} ${path}`
  const contentTypes = written.contentTypes ?? typesOf(into?.codec ?? codec)
  const place = {
    connection,
    name,
    address: `${connection.name}/${name}`,
    options: { ...written, method, path, contentTypes },
  }
  return into
    ? { ...place, type: 'door', into }
    : { ...place, type: 'route', codec, schema, ordered: false, positioned: false, retries: 'caller' }
}

const ANYTHING: readonly string[] = ['*']

/** What a body has to be for its codec to make sense of it. */
const typesOf = (codec: unknown): readonly string[] => {
  if (codec === 'json') return ['application/json', 'application/*+json']
  return codec === 'text' ? ['text/*'] : ANYTHING
}
