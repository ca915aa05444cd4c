/** A request as a record carries it: what is no body stands in its headers and properties. */
import type { EventRecord } from '../../contract.ts'
import { headerText } from '../bytes.ts'

/** What the properties of such a record are. */
export interface RequestProperties {
  readonly method: string
  /** As it was sent, without the query. */
  readonly path: string
  /** As it was sent, without the question mark; empty for none. */
  readonly query: string
  /** `POST /orders/:id`, as it was declared. */
  readonly route: string
  /** What stood in the path, decoded, by the names of the route; `*` for the rest of it. */
  readonly params?: Readonly<Record<string, string>>
  /** `http` or `https`. */
  readonly scheme: string
  /** `HTTP/1.1`. */
  readonly protocol: string
  readonly sourceIp: string
}

type HeaderText = readonly [name: string, value: string]

/** Throws where it is no record of a request: only a channel of requests has such records. */
export const requestProperties = ({ properties, source, id }: EventRecord): RequestProperties => {
  if (typeof properties?.method === 'string') return properties as unknown as RequestProperties
  throw new TypeError(`${source}: the record ${id} is no request`)
}

export const requestHeaders = ({ headers }: EventRecord): readonly HeaderText[] =>
  headers.map(([name, value]) => [name, typeof value === 'string' ? value : (headerText(value) ?? '')])
