/** What `millrace send` is given, as records: lines of NDJSON, with or without keys and headers. Pure. */
import { parseDuration } from '../config/duration.ts'
import { isPlainObject, suggestion } from '../config/options.ts'
import type { Header, OutgoingRecord } from '../contract.ts'
import { errorInfo } from '../errors.ts'

export type ParsedLine = { readonly record: OutgoingRecord } | { readonly problem: string }

/** What all records of one command get. */
export interface Common {
  readonly key?: string
  readonly headers: readonly Header[]
}

/** A line that is a JSON body; it is sent as it stands. */
export const bodyLine = (line: string, common: Common): ParsedLine => {
  const parsed = parseJson(line)
  return 'problem' in parsed ? parsed : { record: { ...commonParts(common), body: bytes(line) } }
}

const NAMES = ['key', 'headers', 'body', 'data', 'id', 'delay'] as const

/**
 * A line that is an object: `body` is text sent as it stands, `data` any JSON; `headers` an object or a list of pairs;
 * `delay` a duration. What it leaves out comes from the command line.
 */
export const recordLine = (line: string, common: Common): ParsedLine => {
  const parsed = parseJson(line)
  if ('problem' in parsed) return parsed
  const written = parsed.value
  if (!isPlainObject(written)) return { problem: 'must be an object with body or data' }
  const problem = recordProblem(written)
  if (problem !== undefined) return { problem }
  const { key, id, delay, body, data } = written
  const delayMs = parseDuration(delay)
  return {
    record: {
      ...commonParts(common),
      ...(key === undefined ? {} : { key: key as string | null }),
      ...(written.headers === undefined ? {} : { headers: [...common.headers, ...headersOf(written.headers)] }),
      ...(id === undefined ? {} : { id: id as string }),
      ...(delayMs === undefined ? {} : { delayMs }),
      body: body === null ? null : bytes(body === undefined ? JSON.stringify(data) : (body as string)),
    },
  }
}

/** `name=value`, split at the first `=`; undefined for what has no name. */
export const headerOption = (text: string): Header | undefined => {
  const at = text.indexOf('=')
  return at > 0 ? [text.slice(0, at), text.slice(at + 1)] : undefined
}

export const commonParts = ({ key, headers }: Common): Omit<OutgoingRecord, 'body'> => ({
  ...(key === undefined ? {} : { key }),
  ...(headers.length === 0 ? {} : { headers }),
})

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

const recordProblem = (written: Readonly<Record<string, unknown>>): string | undefined => {
  const unknown = Object.keys(written).find(name => !NAMES.some(known => known === name))
  if (unknown !== undefined) return `${unknown} is not part of a record; ${suggestion(unknown, NAMES)}`
  const { key, id, delay, body, data, headers } = written
  if ((body === undefined) === (data === undefined)) return 'must have either body (text) or data (JSON)'
  if (body !== undefined && body !== null && typeof body !== 'string') return 'body must be text or null; JSON is data'
  if (key !== undefined && key !== null && typeof key !== 'string') return 'key must be text or null'
  if (id !== undefined && (typeof id !== 'string' || id === '')) return 'id must be text that is not empty'
  if (delay !== undefined && parseDuration(delay) === undefined) return "delay must be a duration, like '30s'"
  return headers === undefined || isHeaders(headers)
    ? undefined
    : 'headers must be an object, or a list of [name, value]'
}

const isHeaders = (headers: unknown): boolean =>
  Array.isArray(headers)
    ? headers.every(pair => Array.isArray(pair) && pair.length === 2 && typeof pair[0] === 'string')
    : isPlainObject(headers)

const headersOf = (headers: unknown): readonly Header[] =>
  Array.isArray(headers) ? (headers as Header[]) : Object.entries(headers as Record<string, Header[1]>)

const parseJson = (line: string): { readonly value: unknown } | { readonly problem: string } => {
  try {
    return { value: JSON.parse(line) }
  } catch (error) {
    return { problem: `is not JSON: ${errorInfo(error).message}` }
  }
}
