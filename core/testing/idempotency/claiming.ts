/** What the cases claim and write with. */
import assert from 'node:assert/strict'
import type { ClaimAnswer, Claimant, ClaimWrite, IdempotencyStore, WriteAnswer } from '../../idempotency-store.ts'

/** Long enough for a store on another machine to be asked a few times, short enough to be waited for. */
export const SHORT_MS = 150
export const LONG_MS = 60_000

export const KEY = 'shop.charge:k'
export const one: Claimant = { owner: 'one', leaseMs: LONG_MS }
export const other: Claimant = { owner: 'other', leaseMs: LONG_MS }
/** Whose claims lapse. */
export const brief: Claimant = { owner: 'brief', leaseMs: SHORT_MS }

export const claim = async (
  store: IdempotencyStore,
  by: Claimant,
  key = KEY,
  fingerprint = 'f',
): Promise<ClaimAnswer> => {
  const [answer, ...rest] = await store.claim([{ key, fingerprint }], by)
  assert.ok(answer && rest.length === 0, 'one answer for each')
  return answer
}

/** Claims what must be free, and answers its fence. */
export const take = async (store: IdempotencyStore, by: Claimant, key = KEY): Promise<number> => {
  const answer = await claim(store, by, key)
  assert.ok(answer.kind === 'claimed', `${key} is free, got ${answer.kind}`)
  assert.ok(Number.isSafeInteger(answer.fence) && answer.fence > 0, `a fence, got ${answer.fence}`)
  return answer.fence
}

export const complete = (
  by: Claimant,
  fence: number,
  { key = KEY, result = 'v"r"', ttlMs = LONG_MS }: { key?: string; result?: string; ttlMs?: number } = {},
): ClaimWrite => ({ kind: 'complete', key, owner: by.owner, fence, fingerprint: 'f', result, ttlMs })

export const release = ({ owner }: Claimant, fence: number, key = KEY): ClaimWrite => ({
  kind: 'release',
  key,
  owner,
  fence,
})

export const renew = ({ owner, leaseMs }: Claimant, fence: number, key = KEY): ClaimWrite => ({
  kind: 'renew',
  key,
  owner,
  fence,
  leaseMs,
})

export const write = async (
  store: IdempotencyStore,
  ...writes: readonly ClaimWrite[]
): Promise<readonly WriteAnswer[]> => {
  const answers = await store.write(writes)
  assert.equal(answers.length, writes.length, 'one answer for each')
  return answers
}
