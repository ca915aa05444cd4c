/** HTTP as API Gateway hands it to a function: the event of its payload format 2.0. */
import { utf8Of } from '../bytes.ts'
import { ACCOUNT } from './arn.ts'
import { logTime } from './dates.ts'

export interface HttpRequest {
  readonly id: string
  readonly method: string
  /** As it was sent, without the query. */
  readonly path: string
  /** As it was sent, without the question mark; empty for none. */
  readonly query: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: Uint8Array | null
  /** `POST /orders/{id}`, or `$default`. */
  readonly route: string
  readonly pathParameters?: Readonly<Record<string, string>>
  /** `HTTP/1.1`. */
  readonly protocol: string
  readonly sourceIp: string
  /** Milliseconds since the epoch. */
  readonly time: number
}

/** Never throws, whatever a client sent. */
export const toApiGatewayV2 = (request: HttpRequest): Readonly<Record<string, unknown>> => {
  const headers = joined(request.headers.map(([name, value]) => [name.toLowerCase(), value]))
  const { cookie, ...others } = headers
  const query = joined([...new URLSearchParams(request.query)])
  const body = bodyOf(request.body, headers['content-type'])
  return {
    version: '2.0',
    routeKey: request.route,
    rawPath: request.path,
    rawQueryString: request.query,
    ...(cookie === undefined
      ? {}
      : {
          cookies: cookie
            .split(';')
            .map(part => part.trim())
            .filter(part => part !== ''),
        }),
    headers: others,
    ...(request.query === '' ? {} : { queryStringParameters: query }),
    requestContext: contextOf(request, headers),
    ...(body.text === undefined ? {} : { body: body.text }),
    ...(request.pathParameters ? { pathParameters: request.pathParameters } : {}),
    isBase64Encoded: body.isBase64,
  }
}

const contextOf = (request: HttpRequest, headers: Readonly<Record<string, string>>): unknown => {
  const domainName = headers.host ?? 'localhost'
  return {
    accountId: ACCOUNT,
    apiId: 'millrace',
    domainName,
    domainPrefix: domainName.split('.', 1)[0],
    http: {
      method: request.method,
      path: request.path,
      protocol: request.protocol,
      sourceIp: request.sourceIp,
      userAgent: headers['user-agent'] ?? '',
    },
    requestId: request.id,
    routeKey: request.route,
    stage: '$default',
    time: logTime(request.time),
    timeEpoch: request.time,
  }
}

/** Values of a name that stands more than once have commas between, the names and values in their order. */
const joined = (pairs: readonly (readonly [string, string])[]): Record<string, string> =>
  Object.fromEntries(
    [...Map.groupBy(pairs, ([name]) => name)].map(([name, found]) => [
      name,
      found.map(([, value]) => value).join(name === 'cookie' ? '; ' : ','),
    ]),
  )

/** Forms are base64 as well, which surprises on AWS too. */
const TEXTUAL =
  /^\s*(?:text\/|application\/(?:json|xml|javascript)\s*(?:;|$)|application\/[^;]+\+(?:json|xml)\s*(?:;|$))/i

const bodyOf = (
  body: Uint8Array | null,
  contentType: string | undefined,
): { readonly text: string | undefined; readonly isBase64: boolean } => {
  if (body === null || body.byteLength === 0) return { text: undefined, isBase64: false }
  const text = contentType === undefined || TEXTUAL.test(contentType) ? utf8Of(body) : undefined
  return text === undefined ? { text: Buffer.from(body).toString('base64'), isBase64: true } : { text, isBase64: false }
}
