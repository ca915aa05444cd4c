/** What may be written of an HTTP server, its routes and its doors: each option declared once. */
import { isIP } from 'node:net'
import { duration, isText, option, size, texts, whole } from '../../core/config/option.ts'
import type { SecretRef } from '../../core/config/secret.ts'
import { corsOption } from './cors.ts'
import { idempotencyOption } from './idempotency/option.ts'
import { verifyOption } from './webhooks/schemes.ts'

type Text = string | SecretRef

/** PEM: the server's certificate and key, and whose certificates clients must bring, where they must. */
export interface HttpTls {
  readonly cert: Text
  readonly key: Text
  readonly passphrase?: Text
  /** Clients without a certificate of these are refused. */
  readonly clientCa?: Text
}

const TLS_FIELDS = ['cert', 'key', 'passphrase', 'clientCa']

const isTls = (value: unknown): value is HttpTls =>
  typeof value === 'object' &&
  value !== null &&
  Object.entries(value).every(([name, text]) => TLS_FIELDS.includes(name) && isText(text)) &&
  'cert' in value &&
  'key' in value

/** Names that the library of proxies knows for addresses of this machine and of private networks. */
const PROXY_NAMES = ['loopback', 'linklocal', 'uniquelocal']

const isProxy = (value: unknown): boolean => {
  if (typeof value !== 'string') return false
  const [address = '', bits, more] = value.split('/')
  if (PROXY_NAMES.includes(value)) return true
  const longest = isIP(address) === 4 ? 32 : 128
  return (
    isIP(address) > 0 &&
    more === undefined &&
    (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= longest))
  )
}

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'ANY'] as const
export type Method = (typeof METHODS)[number]

/** Segments are texts, `:name` or, as the last one, `*`. */
const PATH = /^\/$|^(?:\/(?::[A-Za-z_]\w*|[\w.~!$&'+,;=@%-]+))*(?:\/\*)?\/?$/

/** What routes and doors have in common. */
const place = {
  method: option<Method, Method>({
    doc: 'Set by `get`, `post`, `put`, `patch`, `delete` and `any`; `any` is all of them but those declared beside it.',
    takes: METHODS.map(method => `\`${method}\``).join(', '),
    expected: `one of ${METHODS.join(', ')}`,
    default: 'POST',
    defaultText: 'by the function',
    read: value => METHODS.find(method => method === value),
  }),
  path: option<string, string>({
    doc: 'Set by the first argument. `:name` is one segment, a final `*` all the rest; a path without them goes before.',
    takes: 'a path',
    expected: "a path like '/orders/:id' or '/files/*'",
    default: '/',
    defaultText: 'by the function',
    read: value => (typeof value === 'string' && value !== '' && PATH.test(value) ? value : undefined),
  }),
  contentTypes: texts({
    takes: 'media types, `*` at the end for any',
    doc: 'What bodies may be; others are answered 415. Default: JSON for the codec `json`, `text/*` for `text`, anything for others.',
  }),
  maxBody: size({
    min: '1 KB',
    max: '256 MB',
    default: '1 MB',
    doc: 'Larger bodies are answered 413 and not read to their end.',
  }),
  cors: corsOption,
  verify: verifyOption,
  idempotency: idempotencyOption,
}

export const httpOptions = {
  connection: {
    port: whole({
      min: 0,
      max: 65_535,
      default: 8_080,
      doc: 'Where the server listens; 0 for any free port, which the log tells.',
    }),
    host: option<string, string>({
      doc: 'The address it listens on. `0.0.0.0` is every one of this machine.',
      takes: 'an address or a name',
      expected: 'an address or a name',
      default: '127.0.0.1',
      defaultText: '127.0.0.1',
      read: value => (typeof value === 'string' && value !== '' ? value : undefined),
    }),
    tls: option<HttpTls, HttpTls | undefined>({
      doc: 'Makes it HTTPS: PEM of certificate and key; with `clientCa`, clients need a certificate of it.',
      takes: '`{ cert, key, passphrase?, clientCa? }`, each a text, `env(…)` or `file(…)`',
      expected: 'an object like { cert: file(…), key: file(…) }',
      default: undefined,
      defaultText: 'plain HTTP',
      read: value => (isTls(value) ? value : undefined),
    }),
    trustProxy: option<readonly string[], readonly string[]>({
      doc: 'Proxies whose `X-Forwarded-For` and `-Proto` are believed; everybody else could write there what he likes.',
      takes: 'addresses, networks like `10.0.0.0/8`, `loopback`, `linklocal`, `uniquelocal`',
      expected: "a list of addresses or networks, like ['10.0.0.0/8']",
      default: [],
      defaultText: 'none',
      read: value => (Array.isArray(value) && value.every(isProxy) ? (value as readonly string[]) : undefined),
    }),
    cors: corsOption,
    maxConnections: whole({
      min: 1,
      max: 1_000_000,
      default: 10_000,
      doc: 'Connections at once; others are closed at once.',
    }),
    maxHeaderBytes: size({
      min: '1 KB',
      max: '256 KB',
      default: '16 KB',
      doc: 'The first line and the headers of a request together; more is answered 431.',
    }),
    headersTimeout: duration({
      min: '100ms',
      max: '10m',
      default: '10s',
      doc: 'How long a client may take for the headers.',
    }),
    requestTimeout: duration({
      min: '100ms',
      max: '1h',
      default: '30s',
      doc: 'How long a client may take for the whole request; then it is answered 408.',
    }),
    keepAliveTimeout: duration({
      min: '0s',
      max: '10m',
      default: '5s',
      doc: 'How long a connection on which nothing happens is kept.',
    }),
  },
  channels: {
    route: {
      ...place,
      timeout: duration({
        min: '10ms',
        max: '1h',
        default: '30s',
        doc: 'From the request being read to its answer; then it is answered 504, and what runs is aborted.',
      }),
      maxWait: duration({
        min: '0s',
        max: '10m',
        default: '2s',
        doc: 'How long a request may wait for an environment; then it is answered 503 with Retry-After.',
      }),
      maxAnswer: size({
        min: '1 KB',
        max: '64 GB',
        default: '6 MB',
        doc: 'A larger answer is a 502 and a line in the log; one that streams is cut off there.',
      }),
    },
    door: {
      ...place,
      headers: texts({
        takes: 'names of headers',
        doc: 'Headers of the request that go along with the record, beside those that always do. Never `Authorization` or cookies.',
      }),
      webhookOrigins: texts({
        takes: 'names, `*` for any',
        doc: 'Whose CloudEvents are taken, told to those who ask first (OPTIONS with `WebHook-Request-Origin`).',
      }),
    },
  },
}
