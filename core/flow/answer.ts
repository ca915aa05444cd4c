/** Reads what a function answered in format `millrace`. Never guesses: whatever is not an answer fails the batch. */
import type { ErrorInfo } from '../contract.ts'

/** A record the function named as failed. */
export interface NamedFailure {
  readonly id: string
  readonly error: ErrorInfo
  readonly retryable: boolean
  /** Named as not tried: it comes again and is not charged. */
  readonly untried: boolean
  readonly retryAfterMs: number | undefined
}

export type Answer =
  | { readonly ok: true; readonly failures: ReadonlyMap<string, NamedFailure> }
  | { readonly ok: false; readonly problem: string }

const NONE: Answer = { ok: true, failures: new Map() }
const FAILURE_FIELDS = new Set(['itemIdentifier', 'error', 'retryable', 'untried', 'retryAfterMs'])
const EXPECTED =
  'expected nothing, or { batchItemFailures: [{ itemIdentifier, error?, retryable?, untried?, retryAfterMs? }] }'

/** `ids` are those of the batch that the function was given, in order. */
export const readAnswer = (value: unknown, ids: readonly string[]): Answer => {
  if (value === null || value === undefined) return NONE
  if (!isObject(value)) return problem(`the function answered ${show(value)}; ${EXPECTED}`)
  const unknownField = Object.keys(value).find(field => field !== 'batchItemFailures')
  if (unknownField !== undefined)
    return problem(`the function's answer has the unknown field ${JSON.stringify(unknownField)}; ${EXPECTED}`)
  const { batchItemFailures: list } = value
  if (!Array.isArray(list)) return problem(`the function's batchItemFailures is ${show(list)}; ${EXPECTED}`)
  if (list.length === 0) return NONE
  return readFailures(list, countOf(ids))
}

const readFailures = (list: readonly unknown[], known: ReadonlyMap<string, number>): Answer => {
  const failures = new Map<string, NamedFailure>()
  for (const [index, item] of list.entries()) {
    const where = `batchItemFailures[${index}]`
    if (!isObject(item)) return problem(`${where} is ${show(item)}; ${EXPECTED}`)
    const unknownField = Object.keys(item).find(field => !FAILURE_FIELDS.has(field))
    if (unknownField !== undefined)
      return problem(`${where} has the unknown field ${JSON.stringify(unknownField)}; ${EXPECTED}`)
    const { itemIdentifier: id, error, retryable, untried, retryAfterMs } = item
    if (typeof id !== 'string' || id === '')
      return problem(`${where}.itemIdentifier is ${show(id)}; expected the id of a record of the batch`)
    const count = known.get(id) ?? 0
    if (count === 0) return problem(`${where}.itemIdentifier ${show(id)} is not the id of a record of the batch`)
    if (count > 1)
      return problem(`${where}.itemIdentifier ${show(id)} is ambiguous: ${count} records of the batch have it`)
    if (retryable !== undefined && typeof retryable !== 'boolean')
      return problem(`${where}.retryable is ${show(retryable)}; expected true or false`)
    if (untried !== undefined && typeof untried !== 'boolean')
      return problem(`${where}.untried is ${show(untried)}; expected true or false`)
    if (retryAfterMs !== undefined && !isDelay(retryAfterMs))
      return problem(`${where}.retryAfterMs is ${show(retryAfterMs)}; expected milliseconds, 0 or more`)
    failures.set(id, {
      id,
      error: readError(error),
      retryable: retryable ?? true,
      untried: untried ?? false,
      retryAfterMs,
    })
  }
  return { ok: true, failures }
}

/** The error a function gives with a failed record: an error-like object, a text, or nothing. */
const readError = (error: unknown): ErrorInfo => {
  if (error === undefined || error === null)
    return {
      name: 'RecordFailed',
      message: 'the function reported the record as failed and gave no error',
      code: 'RECORD_FAILED',
    }
  if (!isObject(error))
    return { name: 'RecordFailed', message: typeof error === 'string' ? error : show(error), code: 'RECORD_FAILED' }
  const text = (field: string): string | undefined => (typeof error[field] === 'string' ? error[field] : undefined)
  const code = text('code')
  const stack = text('stack')
  return {
    name: text('name') ?? 'RecordFailed',
    message: text('message') ?? show(error),
    ...(code === undefined ? {} : { code }),
    ...(stack === undefined ? {} : { stack }),
  }
}

const countOf = (ids: readonly string[]): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1)
  return counts
}

const problem = (text: string): Answer => ({ ok: false, problem: text })

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isDelay = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value) && value >= 0

const SHOWN_CHARACTERS = 120

const show = (value: unknown): string => {
  const text = value === undefined ? 'nothing' : jsonOf(value)
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text
}

const jsonOf = (value: unknown): string => {
  try {
    return JSON.stringify(value) ?? typeof value
  } catch {
    return `a ${typeof value} that is nested too deeply to be shown`
  }
}
