/** What of a request goes along with the record that is made of it. Never what lets somebody act in another's name. */
import type { FastifyRequest } from 'fastify'
import type { Header } from '../../core/contract.ts'

/** Which event it is, to functions that take webhooks of several kinds; and the trace it belongs to. */
const ALWAYS: ReadonlySet<string> = new Set([
  'traceparent',
  'tracestate',
  'user-agent',
  'webhook-id',
  'webhook-timestamp',
  'x-github-delivery',
  'x-github-event',
])

const NEVER: ReadonlySet<string> = new Set(['authorization', 'cookie', 'proxy-authorization'])

/** `more`: names of the user's, in any case. */
export const carriedHeaders = (headers: readonly Header[], more: readonly string[]): readonly Header[] => {
  const wanted = new Set(more.map(name => name.toLowerCase()))
  return headers.filter(([name]) => ALWAYS.has(name) || (wanted.has(name) && !NEVER.has(name)))
}

/** How it was asked for: `http-method`, `http-path`, `http-query`, and `http-param-<name>` of what stood in the path. */
export const requestHeaders = ({ method, url, params }: FastifyRequest): readonly Header[] => {
  const mark = url.indexOf('?')
  return [
    ['http-method', method],
    ['http-path', mark < 0 ? url : url.slice(0, mark)],
    ...(mark < 0 ? [] : [['http-query', url.slice(mark + 1)] as const]),
    ...Object.entries(params as Readonly<Record<string, string>>).map(
      ([name, value]): Header => [`http-param-${name}`, value],
    ),
  ]
}
