/** What a caller of AWS's Invoke API asks for: `POST /2015-03-31/functions/<name>/invocations`. */
import type { Variant } from '../engine/canary.ts'
import { functionArn } from '../engine/runtime/context.ts'
import { type AwsAnswer, failure } from './aws-answer.ts'

/** Of a request, as Node has it: names in small letters. */
export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>

export interface AwsRequest {
  /** As it stands in the path: a name, a part of an ARN or a whole one, with a qualifier or without. */
  readonly functionName: string
  /** Of the query. */
  readonly qualifier: string | undefined
  readonly headers: Headers
}

export interface Asked {
  readonly functionName: string
  readonly type: 'RequestResponse' | 'Event' | 'DryRun'
  readonly logs: 'tail' | 'none'
  readonly variant?: Variant
}

const TYPES = ['RequestResponse', 'Event', 'DryRun'] as const
const LOG_TYPES = ['None', 'Tail'] as const

export const readRequest = (request: AwsRequest): Asked | { readonly refusal: AwsAnswer } => {
  const { headers } = request
  // Only a browser sends it: a page from anywhere must not call functions of whoever looks at it.
  if (headers.origin !== undefined)
    return refuse(failure(403, 'AccessDeniedException', 'Functions cannot be called from pages of a browser'))
  const type = headerOf(headers, 'x-amz-invocation-type') ?? 'RequestResponse'
  if (!isOneOf(TYPES, type)) return refuse(invalidValue('invocationType', type, TYPES))
  const logType = headerOf(headers, 'x-amz-log-type') ?? 'None'
  if (!isOneOf(LOG_TYPES, logType)) return refuse(invalidValue('logType', logType, LOG_TYPES))
  const { name, qualifier = request.qualifier } = splitName(request.functionName)
  if (qualifier !== undefined && qualifier !== LATEST && qualifier !== CANARY)
    return refuse(notFound(`${name}:${qualifier}`))
  return {
    functionName: name,
    type,
    logs: logType === 'Tail' ? 'tail' : 'none',
    ...(qualifier === CANARY ? { variant: 'canary' as const } : {}),
  }
}

const LATEST = '$LATEST'
/** The version beside the other, where a function has one. */
const CANARY = 'canary'

export const notFound = (name: string): AwsAnswer =>
  failure(404, 'ResourceNotFoundException', `Function not found: ${functionArn(name)}`)

/** `name`, `name:qualifier`, `<account>:function:name` or `arn:aws:lambda:<region>:<account>:function:name:qualifier`. */
const splitName = (written: string): { readonly name: string; readonly qualifier?: string } => {
  const parts = written.split(':')
  const marker = parts.lastIndexOf('function')
  const [name = '', qualifier] = marker > 0 ? parts.slice(marker + 1) : parts
  return { name, ...(qualifier === undefined ? {} : { qualifier }) }
}

const headerOf = (headers: Headers, name: string): string | undefined => {
  const value = headers[name]
  return typeof value === 'string' ? value : value?.[0]
}

const isOneOf = <Word extends string>(words: readonly Word[], value: string): value is Word =>
  (words as readonly string[]).includes(value)

const invalidValue = (field: string, value: string, expected: readonly string[]): AwsAnswer =>
  failure(
    400,
    'ValidationException',
    `1 validation error detected: Value '${value}' at '${field}' failed to satisfy constraint: Member must satisfy enum value set: [${expected.join(', ')}]`,
  )

const refuse = (refusal: AwsAnswer): { readonly refusal: AwsAnswer } => ({ refusal })
