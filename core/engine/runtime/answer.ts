/** What a handler answered, as JSON would carry it, or why JSON cannot. */
import { errorInfo } from '../../errors.ts'
import type { FunctionError } from '../contract.ts'

/** Lambda's limit. */
export const MAX_ANSWER_BYTES = 6 * 1_048_576

export type AnswerText =
  /** Undefined: the handler answered nothing. */
  { readonly text: string | undefined; readonly error?: undefined } | { readonly error: FunctionError }

const NOTHING: AnswerText = { text: undefined }

/**
 * Never throws. What JSON would turn into null (a function, NaN) is refused rather than carried as null, which would
 * mean that every record was processed.
 */
export const answerText = (value: unknown): AnswerText => {
  if (value === undefined || value === null) return NOTHING
  if (isStream(value)) return invalid(STREAM)
  let text: string | undefined
  try {
    text = JSON.stringify(value, errorsAsData)
  } catch (thrown) {
    return invalid(`${whereUnserialisable(value)} (${errorInfo(thrown).message.split('\n')[0]})`)
  }
  if (text === undefined || text === 'null') return invalid(`${describe(value)} is nothing that JSON can carry`)
  const bytes = text.length > MAX_ANSWER_BYTES ? text.length : Buffer.byteLength(text)
  return bytes > MAX_ANSWER_BYTES ? tooLarge(bytes) : { text }
}

/** JSON would make `{}` of an Error, and of a failure's cause nothing would be left. */
const errorsAsData = (_name: string, value: unknown): unknown => (value instanceof Error ? errorInfo(value) : value)

const invalid = (problem: string): AnswerText => ({
  error: {
    name: 'FunctionAnswerInvalid',
    code: 'FUNCTION_ANSWER_INVALID',
    message: `the function answered with something that cannot be written as JSON: ${problem}; answer nothing, or { batchItemFailures: [{ itemIdentifier }] }`,
  },
})

const tooLarge = (bytes: number): AnswerText => ({
  error: {
    name: 'FunctionAnswerTooLarge',
    code: 'FUNCTION_ANSWER_TOO_LARGE',
    message: `the function answered with ${bytes} bytes; expected at most ${MAX_ANSWER_BYTES} (6 MB). Send results to a channel with context.send instead of answering with them`,
  },
})

const STREAM =
  'answer is a stream; read it and answer with what it has, or write it out with awslambda.streamifyResponse'

/** JSON would make of it `{}`, or what is inside of it. */
const isStream = (value: NonNullable<unknown>): boolean => typeof value === 'object' && Symbol.asyncIterator in value

const describe = (value: unknown): string => {
  if (typeof value === 'function' || typeof value === 'symbol') return `a ${typeof value}`
  if (typeof value === 'number') return String(value)
  return 'an object whose toJSON answers nothing'
}

/** Names the first member that JSON cannot carry: `answer.items[3].total is a BigInt`. */
const whereUnserialisable = (value: unknown): string => {
  try {
    return search(value, 'answer', new Set()) ?? 'answer cannot be written'
  } catch {
    // A getter or proxy that throws while it is searched: what JSON.stringify said of it is reported.
    return 'a member of answer throws when it is read'
  }
}

const search = (value: unknown, path: string, above: Set<object>): string | undefined => {
  if (typeof value === 'bigint') return `${path} is a BigInt`
  if (typeof value !== 'object' || value === null) return undefined
  if (above.has(value)) return `${path} refers back to an object it is part of`
  above.add(value)
  for (const [name, member] of Object.entries(value)) {
    const found = search(member, Array.isArray(value) ? `${path}[${name}]` : `${path}.${name}`, above)
    if (found !== undefined) return found
  }
  above.delete(value)
  return undefined
}
