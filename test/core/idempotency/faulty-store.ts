/** A store that is down where a test says so, and tells what was asked of it. */
import type { IdempotencyStore } from '../../../core/idempotency-store.ts'

export interface FaultyStore extends IdempotencyStore {
  /** What fails from now on: before it is done, or after, so that nobody knows. */
  fail(what: 'claim' | 'write' | 'write, after it was done' | 'nothing'): void
  readonly calls: { claim: number; write: number }
}

export const faultyStore = (store: IdempotencyStore): FaultyStore => {
  let failing = 'nothing'
  const calls = { claim: 0, write: 0 }
  return {
    ...store,
    calls,
    fail(what) {
      failing = what
    },
    async claim(claims, by) {
      calls.claim += 1
      if (failing === 'claim') throw new Error('the store is down')
      return store.claim(claims, by)
    },
    async write(writes) {
      calls.write += 1
      if (failing === 'write') throw new Error('the store is down')
      const answers = await store.write(writes)
      if (failing === 'write, after it was done') throw new Error('the connection broke')
      return answers
    },
  }
}
