/** What a function is told of where its events come from, where their form is not Millrace's own. */
import type { ForeignEvents } from '../engine/contract.ts'
import { percentDecoded } from '../event/bytes.ts'
import { placeOf } from '../event/foreign.ts'
import type { ResolvedMapping } from './resolved.ts'
import { resolveSecrets, reveal, type SecretPlaces, type SecretRef } from './secret.ts'

/** Undefined for format `millrace`. */
export const foreignEventsOf = (
  { channel, format }: Pick<ResolvedMapping, 'channel' | 'format'>,
  places: SecretPlaces,
): ForeignEvents | undefined => {
  if (channel.retries === 'caller')
    return { format: format === 'millrace' ? 'request' : format, place: placeOf(channel), name: channel.name }
  if (format === 'millrace') return undefined
  if (format === 'direct') return { format, place: format, name: channel.name }
  const { brokers, url, vhost } = channel.connection.options
  const servers = textsOf(brokers, places).join(',')
  const virtualHost = textsOf(vhost, places)[0] ?? virtualHostOf(textsOf(url, places)[0])
  return {
    format,
    place: placeOf(channel),
    name: channel.name,
    ...(servers === '' ? {} : { servers }),
    ...(virtualHost === undefined ? {} : { virtualHost }),
  }
}

/** Nothing where a value is not there: the connection says so, and events do without. */
const textsOf = (option: unknown, places: SecretPlaces): readonly string[] => {
  try {
    const values = (Array.isArray(option) ? option : [option]) as readonly (string | SecretRef | undefined)[]
    return resolveSecrets(values, '', places).flatMap(value => (value === undefined ? [] : [reveal(value)]))
  } catch {
    return []
  }
}

/** The path of `amqp://host/shop`, where it has one. */
const virtualHostOf = (url: string | undefined): string | undefined => {
  const path = url !== undefined && URL.canParse(url) ? new URL(url).pathname.slice(1) : ''
  return path === '' ? undefined : percentDecoded(path)
}
