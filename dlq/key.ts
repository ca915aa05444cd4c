/** Keys of records as a column that can be looked up and shown. */
import { createHash } from 'node:crypto'
import type { EventRecord } from '../core/contract.ts'
import { keyText } from '../core/values.ts'

/** Indexes of databases have a longest entry. */
const LONGEST = 500

/** `s:` text, `b:` base64, or `h:` a hash of a key too long for that. */
export const storedKey = (key: EventRecord['key']): string | null => {
  const text = keyText(key)
  return text === null ? null : short(text)
}

const SHOWN: Readonly<Record<string, string>> = { s: '', b: 'base64:', h: 'sha256:' }

/** As a list shows it. */
export const shownKey = (stored: string): string => `${SHOWN[stored.charAt(0)] ?? ''}${stored.slice(2)}`

/** What a person names, as {@link storedKey} writes it. */
export const namedKey = (named: string): string => {
  if (named.startsWith('base64:')) return short(`b:${named.slice('base64:'.length)}`)
  if (/^sha256:[0-9a-f]{64}$/.test(named)) return `h:${named.slice('sha256:'.length)}`
  return short(`s:${named}`)
}

const short = (text: string): string =>
  text.length <= LONGEST ? text : `h:${createHash('sha256').update(text).digest('hex')}`
