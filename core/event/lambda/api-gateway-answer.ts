/** What a function answered to an HTTP request, as a response: the rules of API Gateway's payload format 2.0. */
import type { RequestAnswer } from '../../request-contract.ts'

export type HttpAnswer =
  | { readonly response: RequestAnswer; readonly problem?: undefined }
  /** To be logged, not to be told to the caller. */
  | { readonly problem: string }

/** `value` as JSON carries it: null for a function that answered nothing. Without a `statusCode` it is the body itself. */
export const readApiGatewayV2Answer = (value: unknown): HttpAnswer =>
  isObject(value) && 'statusCode' in value ? fullAnswer(value) : { response: bareAnswer(value) }

const JSON_HEADERS: RequestAnswer['headers'] = [['content-type', 'application/json']]

const bareAnswer = (value: unknown): RequestAnswer =>
  jsonAnswer(typeof value === 'string' ? value : JSON.stringify(value ?? null))

/** An answer whose body is this JSON. */
export const jsonAnswer = (body: string): RequestAnswer => ({
  status: 200,
  headers: JSON_HEADERS,
  body,
  isBase64: false,
})

type Full = Readonly<Record<string, unknown>>

const fullAnswer = (answer: Full): HttpAnswer => {
  const problem = problemOf(answer)
  return problem === undefined
    ? { response: responseOf(answer as unknown as Checked) }
    : { problem: `the function's answer: ${problem}` }
}

const problemOf = ({ statusCode, headers, cookies, body }: Full): string | undefined => {
  if (statusOf(statusCode) === undefined) return wrong('statusCode', 'a number from 200 to 599', statusCode)
  if (!isNothing(headers) && !isObject(headers)) return wrong('headers', 'an object', headers)
  for (const [name, value] of Object.entries(headers ?? {})) {
    if (!HEADER_NAME.test(name)) return wrong('headers', 'an object whose members can be names of headers', name)
    if (!isScalar(value) || !HEADER_VALUE.test(String(value)))
      return wrong(`headers.${name}`, 'a text, number or boolean, on one line and of Latin-1', value)
  }
  if (!isNothing(cookies) && !Array.isArray(cookies)) return wrong('cookies', 'a list of texts', cookies)
  for (const [index, cookie] of ((cookies ?? []) as readonly unknown[]).entries())
    if (typeof cookie !== 'string' || !HEADER_VALUE.test(cookie))
      return wrong(`cookies[${index}]`, 'a text on one line and of Latin-1', cookie)
  if (!isNothing(body) && typeof body !== 'string')
    return wrong('body', 'a text; write objects with JSON.stringify', body)
  return undefined
}

/** An answer in which nothing is wrong. */
interface Checked {
  readonly statusCode: number | string
  readonly headers?: Readonly<Record<string, string | number | boolean>> | null
  readonly cookies?: readonly string[] | null
  readonly body?: string | null
  readonly isBase64Encoded?: unknown
}

/** What says where a response ends is the server's to say: a wrong length would make a second response of the rest. */
export const FRAMING: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

const responseOf = ({ statusCode, headers, cookies, body, isBase64Encoded }: Checked): RequestAnswer => {
  const given = Object.entries(headers ?? {})
    .map(([name, value]) => [name.toLowerCase(), String(value)] as const)
    .filter(([name]) => !FRAMING.has(name))
  const typed = given.some(([name]) => name === 'content-type')
  return {
    status: Number(statusCode),
    headers: [
      ...(typed ? [] : [['content-type', 'text/plain;charset=UTF-8'] as const]),
      ...given,
      ...(cookies ?? []).map(cookie => ['set-cookie', cookie] as const),
    ],
    body: body ?? '',
    isBase64: isBase64Encoded === true,
  }
}

/** A status that ends a response: those below 200 announce another. */
const statusOf = (value: unknown): number | undefined => {
  const status = typeof value === 'string' && /^\d{3}$/.test(value) ? Number(value) : value
  return typeof status === 'number' && Number.isInteger(status) && status >= 200 && status <= 599 ? status : undefined
}

/** What HTTP takes as the name of a header, and what Node's server takes as its value: no line break gets through. */
const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/i
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

const wrong = (field: string, expected: string, got: unknown): string =>
  `${field} must be ${expected}, got ${shown(got)}`

const SHOWN_CHARS = 80

const shown = (value: unknown): string => (JSON.stringify(value) ?? typeof value).slice(0, SHOWN_CHARS)

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isScalar = (value: unknown): boolean =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'

const isNothing = (value: unknown): value is null | undefined => value === null || value === undefined
