/** A request as a record: what is no body is in its headers and properties. */
import type { FastifyRequest } from 'fastify'
import type { EventRecord, Header } from '../../core/contract.ts'

/** Names in lower case; what stood more than once does so here. */
export const headersOf = ({ raw: { rawHeaders } }: FastifyRequest): readonly Header[] => {
  const headers: Header[] = []
  for (let index = 0; index < rawHeaders.length; index += 2)
    headers.push([(rawHeaders[index] as string).toLowerCase(), rawHeaders[index + 1] as string])
  return headers
}

/** Null for none. */
export const bodyOf = ({ body }: FastifyRequest): Uint8Array | null =>
  body instanceof Uint8Array && body.byteLength > 0 ? body : null

export interface Told {
  readonly id: string
  /** The channel's address. */
  readonly source: string
  /** `POST /orders/:id`, as it was declared. */
  readonly route: string
  /** Milliseconds since the epoch. */
  readonly time: number
}

export const recordOf = (request: FastifyRequest, { id, source, route, time }: Told): EventRecord => {
  const { url, method } = request
  const mark = url.indexOf('?')
  const params = paramsOf(request)
  return {
    id,
    idStrength: 'stable',
    source,
    time,
    key: null,
    headers: headersOf(request),
    properties: {
      method,
      path: mark < 0 ? url : url.slice(0, mark),
      query: mark < 0 ? '' : url.slice(mark + 1),
      route,
      ...(params ? { params } : {}),
      scheme: request.protocol,
      protocol: `HTTP/${request.raw.httpVersion}`,
      sourceIp: request.ip,
    },
    body: bodyOf(request),
  }
}

const paramsOf = ({ params }: FastifyRequest): Record<string, string> | undefined => {
  for (const _ in params as object) return { ...(params as Record<string, string>) }
  return undefined
}
