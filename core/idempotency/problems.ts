/** What idempotency has to say when a function is not run, or not to be believed. Recognised by code, as all errors are. */
import { errorInfo, MillraceError } from '../errors.ts'

/** Not retryable: it will not be another key next time. */
export const keyInvalid = (consumer: string, problem: string, what = 'the idempotency key'): MillraceError =>
  new MillraceError(
    'IDEMPOTENCY_KEY_INVALID',
    `${consumer}: ${what} ${problem}; expected a text, a number, or plain data made of them. Nothing was run: without a key nobody could tell whether it was before`,
  )

/** Somebody else is at it: come again. */
export const inProgress = (consumer: string, shown: string, leftMs: number): MillraceError =>
  Object.assign(
    new MillraceError(
      'IDEMPOTENCY_IN_PROGRESS',
      `${consumer}: the key ${shown} is being processed elsewhere, under a lease of ${leftMs} ms more; nothing was run`,
    ),
    { retryAfterMs: leftMs },
  )

export const waitsForItself = (consumer: string, shown: string): MillraceError =>
  new MillraceError(
    'IDEMPOTENCY_IN_PROGRESS',
    `${consumer}: the key ${shown} is being processed by a call that waits for this one; give the inner call another name or key`,
  )

/** Not retryable. */
export const payloadDiffers = (consumer: string, shown: string): MillraceError =>
  new MillraceError(
    'IDEMPOTENCY_PAYLOAD_DIFFERS',
    `${consumer}: the key ${shown} was processed with another payload; nothing was run. A key stands for one payload: correct whoever chose it, or say with validate what has to be the same`,
  )

/** What a run did is not known to have been the only one. */
export const leaseLost = (consumer: string, shown: string): MillraceError =>
  new MillraceError(
    'IDEMPOTENCY_LEASE_LOST',
    `${consumer}: the claim on the key ${shown} was lost while the function ran; whoever has it now decides. Code that blocks the event loop for longer than lease needs a longer one`,
  )

export const unreadable = (consumer: string, key: string, problem: string): MillraceError =>
  new MillraceError(
    'IDEMPOTENCY_RECORD_UNREADABLE',
    `${consumer}: what is stored under ${key} is not a record of this version (${problem}); nothing was run. Look at it with millrace idempotency show, and forget it with millrace idempotency release`,
  )

/** What ran is done and will not run again; only its result cannot be told. Not retryable. */
export const resultInvalid = (consumer: string, problem: string): MillraceError =>
  new MillraceError(
    'IDEMPOTENCY_RESULT_INVALID',
    `${consumer}: the function ran, but what it returned cannot be kept for others: ${problem}. Return plain data, or write result: 'none'`,
  )

export const storeFailed = (consumer: string, doing: string, thrown: unknown): MillraceError =>
  new MillraceError('IDEMPOTENCY_STORE_FAILED', `${consumer}: ${doing}: ${errorInfo(thrown).message}`, {
    cause: thrown,
  })
