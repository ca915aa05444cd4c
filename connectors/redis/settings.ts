/** Where Redis is and who asks, as its client takes it. Validation has seen each option; here they meet. */
import type { RedisOptions as Native } from 'ioredis'
import { reveal, type Secret } from '../../core/config/secret.ts'
import { MillraceError } from '../../core/errors.ts'

type Text = string | Secret

/** The options of `redis(name, { … })` with secrets resolved; what the user left out is left out here. */
export interface RedisOptions {
  /** `redis://…`, or `rediss://…` for TLS. */
  readonly url?: Text
  readonly host?: Text
  readonly port?: number
  /** Some nodes of a Cluster, `host:port`. */
  readonly nodes?: Text | readonly Text[]
  /** `host:port` of each; with `master`. */
  readonly sentinels?: Text | readonly Text[]
  /** What the Sentinels call the group of servers. */
  readonly master?: Text
  readonly sentinelPassword?: Text
  readonly username?: Text
  readonly password?: Text
  readonly db?: number
  readonly tls?: boolean | (Readonly<Record<string, unknown>> & { readonly [Name in 'ca' | 'cert' | 'key']?: Text })
}

interface Place {
  readonly host: string
  readonly port: number
}

type Login = Pick<Native, 'username' | 'password' | 'db' | 'tls' | 'connectionName'>

export type ServerAddress =
  | { readonly kind: 'server'; readonly login: Login; readonly url: string | undefined; readonly at: Place }
  | { readonly kind: 'cluster'; readonly login: Login; readonly nodes: readonly Place[] }
  | {
      readonly kind: 'sentinels'
      readonly login: Login
      readonly sentinel: Pick<Native, 'name' | 'sentinelPassword' | 'enableTLSForSentinelMode' | 'sentinelTLS'> & {
        readonly sentinels: Place[]
      }
    }

const PORT = 6379
const SENTINEL_PORT = 26379

/** Throws CONFIG_INVALID. */
export const addressOf = (name: string, options: RedisOptions): ServerAddress => {
  const { url, host, port, nodes, sentinels, master } = options
  const ways = [url, host ?? port, nodes, sentinels].filter(way => way !== undefined)
  if (ways.length > 1) throw invalid(name, 'takes one of url, host, nodes and sentinels, got several')
  if ((sentinels === undefined) !== (master === undefined))
    throw invalid(name, 'needs sentinels and master together, got one of them')
  const login = loginOf(name, options)
  if (nodes !== undefined) {
    if (options.db) throw invalid(`${name}.db`, `must be 0 in a Cluster, got ${options.db}`)
    return { kind: 'cluster', login, nodes: placesOf(`${name}.nodes`, nodes, PORT) }
  }
  if (sentinels !== undefined && master !== undefined)
    return { kind: 'sentinels', login, sentinel: sentinelOf(name, options, sentinels, master, login) }
  const text = url === undefined ? undefined : reveal(url)
  if (text !== undefined && !/^(rediss?:\/\/|unix:\/\/|\/)/.test(text))
    throw invalid(`${name}.url`, "must be like 'redis://host:6379' or 'rediss://host:6379', got another scheme")
  return {
    kind: 'server',
    login,
    url: text,
    at: { host: host === undefined ? 'localhost' : reveal(host), port: port ?? PORT },
  }
}

const sentinelOf = (
  name: string,
  options: RedisOptions,
  sentinels: Text | readonly Text[],
  master: Text,
  login: Login,
) => ({
  name: reveal(master),
  sentinels: placesOf(`${name}.sentinels`, sentinels, SENTINEL_PORT),
  ...(options.sentinelPassword === undefined ? {} : { sentinelPassword: reveal(options.sentinelPassword) }),
  ...(login.tls === undefined ? {} : { enableTLSForSentinelMode: true, sentinelTLS: login.tls }),
})

const loginOf = (name: string, { username, password, db, tls }: RedisOptions): Login => ({
  ...(username === undefined ? {} : { username: reveal(username) }),
  ...(password === undefined ? {} : { password: reveal(password) }),
  ...(db === undefined ? {} : { db }),
  ...(tls === undefined || tls === false ? {} : { tls: tlsOf(tls) }),
  connectionName: `millrace-${name}`.replaceAll(/[^\x21-\x7e]/g, '_'),
})

const tlsOf = (tls: Exclude<RedisOptions['tls'], undefined | false>): NonNullable<Native['tls']> => {
  if (tls === true) return {}
  const texts = (['ca', 'cert', 'key'] as const).flatMap(each => {
    const text = tls[each]
    return text === undefined ? [] : [[each, reveal(text)]]
  })
  return { ...tls, ...Object.fromEntries(texts) }
}

/** `host:port` each; a text may hold several with commas between, as an environment variable does. */
const placesOf = (where: string, written: Text | readonly Text[], otherwise: number): Place[] => {
  const texts: readonly Text[] = isList(written) ? written : [written]
  const listed = texts.flatMap(text => reveal(text).split(',')).map(text => text.trim())
  const places = listed.filter(text => text !== '').map(text => placeOf(where, text, otherwise))
  if (places.length > 0) return places
  throw invalid(where, 'must be host:port, several with commas between, got none')
}

const placeOf = (where: string, text: string, otherwise: number): Place => {
  const found = /^(\[[0-9a-f:.]+\]|[^\s:/@]+)(?::(\d{1,5}))?$/i.exec(text)
  if (!found?.[1]) throw invalid(where, `must be host:port, several with commas between, got ${JSON.stringify(text)}`)
  return { host: found[1].replaceAll(/[[\]]/g, ''), port: found[2] === undefined ? otherwise : Number(found[2]) }
}

const isList = (written: Text | readonly Text[]): written is readonly Text[] => Array.isArray(written)

const invalid = (where: string, problem: string): MillraceError =>
  new MillraceError('CONFIG_INVALID', `connections.${where} ${problem}`, { fatal: true })
