/** The options of a connection and its channels as values, defaults filled in. Validation has seen each; here they meet. */
import type { OptionSpec, OptionSpecs, Values } from '../../core/config/option.ts'
import { reveal, type Secret } from '../../core/config/secret.ts'
import type { ChannelRef } from '../../core/contract.ts'
import { MillraceError } from '../../core/errors.ts'
import type { Endpoint } from './connection.ts'
import { rabbitOptions } from './options.ts'

type Text = string | Secret

/** The options of `rabbitmq(name, { … })` with secrets resolved; what the user left out is left out here. */
export interface RabbitOptions {
  readonly url: Text | readonly Text[]
  readonly username?: Text
  readonly password?: Text
  readonly vhost?: Text
  readonly tls?: Readonly<Record<string, unknown>> & {
    readonly [Name in 'ca' | 'cert' | 'key' | 'passphrase']?: Text
  }
  readonly clientName?: Text
  readonly heartbeat?: string
  readonly frameMax?: string | number
  readonly connectionTimeout?: string
  readonly sendTimeout?: string
}

export interface ConnectionSettings {
  /** 1 or more, to be tried in turn. */
  readonly endpoints: readonly Endpoint[]
  /** Milliseconds that a record may wait for its confirmation, a broker that is away included. */
  readonly sendTimeoutMs: number
}

/** Throws CONFIG_INVALID. */
export const connectionSettings = (name: string, options: RabbitOptions): ConnectionSettings => {
  const where = `connections.${name}`
  const { url, username, password, vhost, tls, clientName, ...timing } = options
  const { heartbeat, frameMax, connectionTimeout, sendTimeout } = rabbitOptions.connection
  const values = readOptions({ heartbeat, frameMax, connectionTimeout, sendTimeout }, timing, where)
  const socket = {
    ...(tls === undefined ? {} : tlsOf(tls)),
    timeout: values.connectionTimeout,
    noDelay: true,
    clientProperties: { connection_name: clientName === undefined ? `millrace ${name}` : reveal(clientName) },
  }
  const given = {
    ...(username === undefined ? {} : { username: reveal(username) }),
    ...(password === undefined ? {} : { password: reveal(password) }),
    ...(vhost === undefined ? {} : { vhost: encodeURIComponent(reveal(vhost)) }),
    // AMQP counts heartbeats in whole seconds.
    heartbeat: Math.ceil(values.heartbeat / 1_000),
    frameMax: values.frameMax,
  }
  const urls: readonly Text[] = isList(url) ? url : [url]
  return {
    endpoints: urls.map(text => ({ url: { ...readUrl(reveal(text), `${where}.url`), ...given }, socket })),
    sendTimeoutMs: values.sendTimeout,
  }
}

/** The options of a channel of this type. Throws CONFIG_INVALID. */
export const channelSettings = <Type extends keyof typeof rabbitOptions.channels>(
  type: Type,
  channel: Pick<ChannelRef, 'address' | 'options'>,
): Values<(typeof rabbitOptions.channels)[Type]> =>
  readOptions(rabbitOptions.channels[type], channel.options, `channels.${channel.address}`)

const readOptions = <Specs extends OptionSpecs>(
  specs: Specs,
  written: Readonly<Record<string, unknown>>,
  where: string,
): Values<Specs> => {
  const read = ([name, spec]: readonly [string, OptionSpec]): [string, unknown] => {
    if (written[name] === undefined) return [name, spec.default]
    const parsed = spec.parse(written[name], `${where}.${name}`, spec.default)
    if ('value' in parsed) return [name, parsed.value]
    throw invalid(parsed.problems.map(({ path, message }) => `${path} ${message}`).join('\n'))
  }
  return Object.fromEntries(Object.entries(specs).map(read)) as Values<Specs>
}

/** What is wrong is told without the URL, which holds a password. */
const readUrl = (text: string, where: string): Endpoint['url'] => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'amqp:' && url?.protocol !== 'amqps:')
    throw invalid(`${where} must be a URL like amqp://user:password@host:5672/vhost, or amqps://`)
  if (url.search !== '')
    throw invalid(`${where} must have no parameters after "?"; heartbeat, frameMax and the others are options`)
  const login = url.username === '' && url.password === '' ? { username: 'guest', password: 'guest' } : loginOf(url)
  return {
    protocol: url.protocol.slice(0, -1),
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (url.protocol === 'amqp:' ? 5672 : 5671) : Number(url.port),
    vhost: url.pathname === '' || url.pathname === '/' ? encodeURIComponent('/') : url.pathname.slice(1),
    ...login,
  }
}

const loginOf = ({ username, password }: URL) => ({
  username: decodeURIComponent(username),
  password: decodeURIComponent(password),
})

const tlsOf = (tls: NonNullable<RabbitOptions['tls']>) => {
  const texts = (['ca', 'cert', 'key', 'passphrase'] as const).flatMap(name => {
    const text = tls[name]
    return text === undefined ? [] : [[name, reveal(text)]]
  })
  return { ...tls, ...Object.fromEntries(texts) }
}

const isList = (value: RabbitOptions['url']): value is readonly Text[] => Array.isArray(value)

export const invalid = (message: string): MillraceError => new MillraceError('CONFIG_INVALID', message, { fatal: true })
