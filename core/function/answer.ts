/** What a function answers with. */
import type { ErrorInfo } from '../contract.ts'
import type { RequestAnswer } from '../request-contract.ts'

/** A record the function could not process. */
export interface BatchItemFailure {
  /** The `id` of a record of the batch. */
  readonly itemIdentifier: string
  /** Kept in the dead letter: a text, an Error, or its parts. */
  readonly error?: string | ErrorInfo
  /** False parks the record at once. Default: true. */
  readonly retryable?: boolean
  /** True: the function did not come to it. It comes again free of charge, after a moment. */
  readonly untried?: boolean
  /** Not to be tried again before this many milliseconds have passed. */
  readonly retryAfterMs?: number
}

export interface BatchAnswer {
  readonly batchItemFailures: readonly BatchItemFailure[]
}

/** Nothing means that every record was processed. */
// biome-ignore lint/suspicious/noConfusingVoidType: a handler without a return statement has the type void
export type Answer = BatchAnswer | undefined | null | void

const plain = new WeakSet<object>()

/** An answer of ours holds nothing but what JSON carries: marked, so that inline isolation need not copy it. */
export const plainAnswer = (batchItemFailures: readonly BatchItemFailure[]): BatchAnswer => {
  const answer = Object.freeze({ batchItemFailures: Object.freeze(batchItemFailures) })
  plain.add(answer)
  return answer
}

/** The same of an answer to a request, told by its class: a mark for each costs more than all else there is to do. */
export class WholeAnswer implements RequestAnswer {
  readonly status: number
  readonly headers: RequestAnswer['headers']
  readonly body: string
  readonly isBase64: boolean

  constructor({ status, headers, body, isBase64 }: RequestAnswer) {
    this.status = status
    this.headers = headers
    this.body = body
    this.isBase64 = isBase64
  }
}

export const isPlainAnswer = (value: object): boolean => value instanceof WholeAnswer || plain.has(value)
