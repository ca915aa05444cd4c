/** CloudEvents 1.0 in their JSON form. */
import { base64Of, jsonOf, utf8Of } from '../bytes.ts'

export interface CloudEvent {
  readonly specversion: '1.0'
  readonly id: string
  readonly source: string
  readonly type: string
  readonly time?: string
  readonly subject?: string
  readonly datacontenttype?: string
  readonly data?: unknown
  /** In place of `data` where that is bytes. */
  readonly data_base64?: string
  readonly [attribute: string]: unknown
}

export type Data =
  | { readonly members: Pick<CloudEvent, 'data' | 'data_base64'>; readonly problem?: undefined }
  | { readonly problem: string }

/** A body as the data of an event: a JSON value, a text or base64, as its content type says. A tombstone has no data. */
export const dataOf = (body: Uint8Array | null, contentType: string): Data => {
  if (body === null) return { members: {} }
  if (isJsonType(contentType)) return jsonData(body, contentType)
  const text = /^\s*text\//i.test(contentType) ? utf8Of(body) : undefined
  return { members: text === undefined ? { data_base64: base64Of(body) } : { data: text } }
}

export const isJsonType = (contentType: string): boolean => /^[^;]*[/+]json\s*(?:;|$)/i.test(contentType)

const jsonData = (body: Uint8Array, contentType: string): Data => {
  const parsed = jsonOf(body)
  return 'value' in parsed
    ? { members: { data: parsed.value } }
    : { problem: `the body is not JSON, as its content type ${contentType} says: ${parsed.problem}` }
}

const REQUIRED = ['id', 'source', 'type'] as const

/** What is missing or wrong; undefined for an event. */
export const eventProblem = (event: Readonly<Record<string, unknown>>): string | undefined => {
  if (event.specversion !== '1.0') return `its specversion is ${JSON.stringify(event.specversion)}; expected "1.0"`
  const missing = REQUIRED.find(name => typeof event[name] !== 'string' || event[name] === '')
  return missing === undefined ? undefined : `it has no ${missing}, which every CloudEvent has as text`
}
