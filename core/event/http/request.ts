/** A request as a function gets it in format `millrace`. What is seldom asked for is made when it is asked for. */
import type { InvokedRecord } from '../../engine/contract.ts'
import { base64Of } from '../bytes.ts'
import { type RequestProperties, requestHeaders, requestProperties } from './received.ts'

const METHODS_WITHOUT_BODY = new Set(['GET', 'HEAD'])

/** What `onRequest` and plain functions are called with. */
export class FunctionRequest<Data = unknown> {
  /** The request's own id, in the log and in `context.awsRequestId`. */
  readonly id: string
  readonly method: string
  /** As it was sent, without the query. */
  readonly path: string
  /** What stood in the path, decoded, by the names of the route; `*` for the rest of it. */
  readonly params: Readonly<Record<string, string>>
  /** `POST /orders/:id`, as it was declared. */
  readonly route: string
  /** The address of the client, behind proxies that are trusted. */
  readonly sourceIp: string
  /** Milliseconds since the epoch at which it had come in. */
  readonly time: number
  /** The same for a request that is sent again with the same `Idempotency-Key`; otherwise of this request alone. */
  readonly idempotencyKey: string
  /** The bytes exactly as they came; null for none. Not to be written to. */
  readonly body: Uint8Array | null
  /** The body decoded by the channel's codec and checked by its schema; null for none. */
  readonly data: Data
  readonly #invoked: InvokedRecord
  readonly #properties: RequestProperties
  #headers: Headers | undefined
  #query: URLSearchParams | undefined

  constructor(invoked: InvokedRecord, data: Data) {
    const { record, idempotencyKey } = invoked
    const properties = requestProperties(record)
    this.id = record.id
    this.method = properties.method
    this.path = properties.path
    this.params = properties.params ?? NO_PARAMS
    this.route = properties.route
    this.sourceIp = properties.sourceIp
    this.time = record.time
    this.idempotencyKey = idempotencyKey
    this.body = record.body
    this.data = data
    this.#invoked = invoked
    this.#properties = properties
  }

  /** What stands more than once is joined with commas. */
  get headers(): Headers {
    this.#headers ??= new Headers(requestHeaders(this.#invoked.record) as [string, string][])
    return this.#headers
  }

  get query(): URLSearchParams {
    this.#query ??= new URLSearchParams(this.#properties.query)
    return this.#query
  }

  /** By the header Host, so as the client wrote it. */
  get url(): string {
    const { scheme, path, query } = this.#properties
    return `${scheme}://${this.headers.get('host') ?? 'localhost'}${path}${query === '' ? '' : `?${query}`}`
  }

  /** The body as text, UTF-8; empty for none. */
  text(): string {
    return this.body === null ? '' : Buffer.from(this.body).toString('utf8')
  }

  /** The same as a Request of the web, for code that takes one. */
  toRequest(): Request {
    const body = METHODS_WITHOUT_BODY.has(this.method) ? null : (this.body as Uint8Array<ArrayBuffer> | null)
    return new Request(this.url, { method: this.method, headers: this.headers, body })
  }

  /** What functions in other languages get. */
  toJSON(): Readonly<Record<string, unknown>> {
    const { id, method, path, params, route, sourceIp, time, idempotencyKey, body, data } = this
    return {
      id,
      method,
      path,
      query: this.#properties.query,
      params,
      route,
      headers: requestHeaders(this.#invoked.record),
      sourceIp,
      time,
      idempotencyKey,
      ...(data instanceof Uint8Array ? { body: base64Of(body) } : { data }),
    }
  }
}

const NO_PARAMS: Readonly<Record<string, string>> = Object.freeze({})
