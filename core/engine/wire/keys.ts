/** Idempotency keys over the border: claims and writes of a batch one way, what the store answered the other. */
import { ERROR_CODES, type ErrorCode, errorInfo, MillraceError } from '../../errors.ts'
import type { ClaimAnswer, Claimant, ClaimWrite, KeyClaim, WriteAnswer } from '../../idempotency-store.ts'

export type KeysAsked = { readonly mapping: string } & (
  | { readonly claims: readonly KeyClaim[]; readonly by: Claimant }
  | { readonly writes: readonly ClaimWrite[] }
)

export type KeysAnswered = readonly ClaimAnswer[] | readonly WriteAnswer[]

/** Only what a store takes: whoever asks may know more of a claim. */
export const encodeKeysAsked = (asked: KeysAsked): string =>
  JSON.stringify(
    'claims' in asked
      ? { ...asked, claims: asked.claims.map(({ key, fingerprint }) => ({ key, fingerprint })) }
      : asked,
  )

export const decodeKeysAsked = (header: string): KeysAsked => JSON.parse(header) as KeysAsked

export const encodeKeysAnswered = (answers: KeysAnswered): string => JSON.stringify({ answers })

export const encodeKeysError = (thrown: unknown): string => {
  const { code, message } = errorInfo(thrown)
  return JSON.stringify({
    code: code !== undefined && code in ERROR_CODES ? code : 'IDEMPOTENCY_STORE_FAILED',
    message,
  })
}

/** Throws what the host reported. */
export const decodeKeysAnswered = (header: string): KeysAnswered => {
  const reply = JSON.parse(header) as { answers: KeysAnswered } | { code: ErrorCode; message: string }
  if ('answers' in reply) return reply.answers
  throw new MillraceError(reply.code, reply.message)
}
