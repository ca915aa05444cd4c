/** Keys by path: `record.id`, `key`, `data.order.id`, `headers.x-request-id`. */
import type { Header } from '../contract.ts'
import { lastHeader } from '../values.ts'

/** What of a record a path may begin with; `record.` may stand before it. */
export type KeyPath = `${'' | 'record.'}${'id' | 'key' | `data.${string}` | `headers.${string}` | `position.${string}`}`

/** What a path is read from. */
interface Readable {
  readonly id: string
  readonly key: string | Uint8Array | null
  readonly headers: readonly Header[]
  readonly data: unknown
  readonly position?: Readonly<Record<string, string | number>> | undefined
}

const PATH = /^(?:record\.)?(?:id|key|data\..+|headers\..+|position\..+)$/

export const isKeyPath = (value: unknown): value is KeyPath => typeof value === 'string' && PATH.test(value)

export const KEY_PATH_EXPECTED = "'record.id', 'record.key' or a path like 'data.order.id', 'headers.request-id'"

/** A reader of this path: undefined where there is nothing. Throws a TypeError for what is no path. */
export const readerOf = (where: string, path: string): ((record: Readable) => unknown) => {
  if (!isKeyPath(path)) throw new TypeError(`${where} must be ${KEY_PATH_EXPECTED}, got ${JSON.stringify(path)}`)
  const [first = '', ...rest] = path.replace(/^record\./, '').split('.')
  if (first === 'id') return record => record.id
  if (first === 'key') return record => record.key
  // A header's name may have dots in it.
  if (first === 'headers') return record => lastHeader(record, rest.join('.'))
  if (first === 'position') return record => record.position?.[rest.join('.')]
  return record => rest.reduce<unknown>(member, record.data)
}

const member = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined
