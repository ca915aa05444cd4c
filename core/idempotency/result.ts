/** Results as text: what a duplicate is answered is equal to what the first was. */
import { errorInfo, MillraceError } from '../errors.ts'
import { canonicalText, fromCanonicalText } from './canonical.ts'
import { resultInvalid } from './problems.ts'

/** Lambda's limit of an answer. */
const MAX_RESULT_BYTES = 6 * 1_048_576

/** What stands before a result's text. */
const VALUE = 'v'
const PROBLEM = '!'

/** `none`: nothing is kept and everybody is answered undefined. */
export type KeepResult = 'keep' | 'none'

/** Never throws: what cannot be kept is kept as that, because the function has run. */
export const resultText = (value: unknown, keep: KeepResult): string => {
  if (keep === 'none' || value === undefined) return ''
  try {
    const text = canonicalText(value, 'result')
    if (text.length <= MAX_RESULT_BYTES && Buffer.byteLength(text) <= MAX_RESULT_BYTES) return `${VALUE}${text}`
    return `${PROBLEM}it has ${text.length} characters, at most ${MAX_RESULT_BYTES} bytes (6 MB) are kept`
  } catch (thrown) {
    // A name of a member may hold anything; what stores keep has no NUL in it.
    return `${PROBLEM}${errorInfo(thrown).message.replaceAll('\0', '')}`
  }
}

/** What first and later callers are answered. Throws IDEMPOTENCY_RESULT_INVALID to all of them where it was not kept. */
export const resultOf = (consumer: string, text: string): unknown => {
  if (text === '') return undefined
  if (text.startsWith(PROBLEM)) throw resultInvalid(consumer, text.slice(1))
  try {
    if (text.startsWith(VALUE)) return fromCanonicalText(text.slice(1))
  } catch (thrown) {
    throw unreadableResult(consumer, errorInfo(thrown).message)
  }
  throw unreadableResult(consumer, 'it does not begin as one')
}

const unreadableResult = (consumer: string, problem: string): MillraceError =>
  new MillraceError(
    'IDEMPOTENCY_RECORD_UNREADABLE',
    `${consumer}: the stored result cannot be read (${problem}); the function ran before and is not run again`,
  )
