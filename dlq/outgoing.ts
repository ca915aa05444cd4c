/**
 * A dead letter as a record for a channel that gets a copy: the record unchanged, on the same partition, with headers that
 * tell its story; or, where that is asked for, the letter itself as JSON with everything in it, stacks included.
 */
import type { DeadLetter, Header, OutgoingRecord } from '../core/contract.ts'
import { encodeLetter } from './envelope.ts'
import { springHeaders } from './spring.ts'

export type LetterFormat = 'record' | 'envelope'

export interface LetterDestination {
  /** The technology of the channel. */
  readonly kind: string
  readonly format: LetterFormat
}

/** Far below what brokers take for all headers together. */
const HEADER_CHARS = 2_000

export const letterToOutgoing = (letter: DeadLetter, { kind, format }: LetterDestination): OutgoingRecord => {
  const { record } = letter
  const kept = record.headers.filter(([name]) => !name.startsWith(PREFIX))
  return {
    key: record.key,
    body: format === 'envelope' ? new TextEncoder().encode(encodeLetter(letter)) : record.body,
    headers: [...(kind === 'kafka' ? springHeaders(letter, kept) : kept), ...story(letter, format)],
    ...(record.properties && format === 'record' ? { properties: record.properties } : {}),
    ...(record.position ? { position: record.position } : {}),
  }
}

const PREFIX = 'millrace-dead-'

const story = (
  { mapping, function: fn, group, record, reason, error, attempts, firstSeen, parkedAt }: DeadLetter,
  format: LetterFormat,
): readonly Header[] =>
  Object.entries({
    id: record.id,
    source: record.source,
    mapping,
    function: fn.name,
    'function-version': fn.version,
    group,
    reason,
    attempts: attempts.length,
    'error-name': error.name,
    'error-message': error.message,
    'first-seen': new Date(firstSeen).toISOString(),
    'parked-at': new Date(parkedAt).toISOString(),
    ...(record.position ? { position: JSON.stringify(record.position) } : {}),
    ...(format === 'envelope' ? { format } : {}),
  }).map(([name, value]) => [`${PREFIX}${name}`, capped(value)])

const capped = (value: string | number): string | number =>
  typeof value === 'string' ? value.slice(0, HEADER_CHARS) : value
