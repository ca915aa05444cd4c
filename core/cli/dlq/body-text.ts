/** Bodies for people: by their content type, or as bytes. Pure. */
import { isUtf8 } from 'node:buffer'
import { formatSize } from '../../config/size.ts'
import type { EventRecord, HeaderValue } from '../../contract.ts'
import { lastHeader } from '../../values.ts'
import { printableLines } from '../text.ts'

const SHOWN_BYTES = 64 * 1_024
const SHOWN_HEX_BYTES = 4 * 1_024

export const bodyText = (record: EventRecord, how: 'text' | 'hex'): string => {
  const { body } = record
  if (body === null) return 'none (tombstone)'
  const size = formatSize(body.length)
  const type = contentType(record)
  const said = type === undefined ? size : `${size}, ${type}`
  const text = how === 'text' ? utf8(body.subarray(0, SHOWN_BYTES)) : undefined
  if (text !== undefined)
    return `${printableLines(said)}\n${printableLines(pretty(text, type))}${more(body, SHOWN_BYTES)}`
  const reason = how === 'hex' ? '' : ', not UTF-8'
  return `${printableLines(said)}${reason}:\n${hexDump(body.subarray(0, SHOWN_HEX_BYTES))}${more(body, SHOWN_HEX_BYTES)}`
}

const more = (body: Uint8Array, shown: number): string =>
  body.length > shown ? `\n… ${formatSize(body.length - shown)} more; --json shows all` : ''

/** Undefined for bytes that are not UTF-8; half a character at a cut end is left out. */
export const utf8 = (body: Uint8Array): string | undefined => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body, {
      stream: body.length === SHOWN_BYTES,
    })
  } catch {
    return undefined
  }
}

/** The same of a whole body. */
export const utf8Whole = (body: Uint8Array): string | undefined =>
  isUtf8(body) ? new TextDecoder('utf-8', { ignoreBOM: true }).decode(body) : undefined

/** Sixteen bytes a line: where they are, what they are, and what they would be as ASCII. */
const hexDump = (bytes: Uint8Array): string =>
  Array.from({ length: Math.ceil(bytes.length / 16) }, (_, line) => {
    const part = [...bytes.subarray(line * 16, line * 16 + 16)]
    const hex = part.map(byte => byte.toString(16).padStart(2, '0')).join(' ')
    const ascii = part.map(byte => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('')
    return `${(line * 16).toString(16).padStart(8, '0')}  ${hex.padEnd(47)}  ${ascii}`
  }).join('\n')

/** What the record says of itself: a header in any case, or AMQP's property. */
const contentType = (record: EventRecord): string | undefined => {
  const name = record.headers.findLast(([given]) => given.toLowerCase() === 'content-type')?.[0]
  return textOf(name === undefined ? record.properties?.contentType : lastHeader(record, name))
}

const textOf = (value: HeaderValue | undefined): string | undefined => {
  const text = value instanceof Uint8Array ? utf8(value) : value
  return typeof text === 'string' && text !== '' ? text.slice(0, 200) : undefined
}

/** JSON is shown indented, whatever it is called; forms a field a line; anything else as it is. */
const pretty = (text: string, type: string | undefined): string => {
  if (type?.startsWith('application/x-www-form-urlencoded'))
    return [...new URLSearchParams(text)].map(([name, value]) => `${name} = ${value}`).join('\n')
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2)
  } catch {
    return text
  }
}
