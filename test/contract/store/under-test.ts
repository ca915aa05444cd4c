/** What the parts of the contract of dead letter stores share. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { DeadLetter, JointWrite } from '../../../core/contract.ts'
import type { JobRequest, JobStatus } from '../../../dlq/replay-store.ts'
import type { LetterStore, LetterSummary, ListFilter } from '../../../dlq/store.ts'

export interface StoreUnderTest {
  readonly store: LetterStore
  /** The same letters, seen by another process. */
  readonly elsewhere: LetterStore
  now(): number
  advance(ms: number): void
  /** A write in the store's own database, and whether it was kept; undefined where there is no joint transaction. */
  readonly joint?: { readonly write: JointWrite; readonly failing: JointWrite; kept(): boolean }
}

export type OpenStore = (context: TestContext) => Promise<StoreUnderTest>

export type Promised = (words: string, run: (under: StoreUnderTest) => Promise<void>) => void

export const MAPPING = 'charge'
export const SOURCE = 'local/orders'
export const LEASE_MS = 30_000
export const CLAIM = {
  mapping: MAPPING,
  source: SOURCE,
  by: 'function',
  order: 'none',
  max: 100,
  maxBytes: 64_000_000,
  leaseMs: LEASE_MS,
} as const
export const DAY_MS = 24 * 3_600_000
export const NOBODY = { operator: 'ada', reason: 'mended' }
export const PARKED = { parked: true, attempts: [] }

export const listed = async (store: LetterStore, filter: ListFilter): Promise<readonly LetterSummary[]> =>
  (await store.page(filter)).letters

/** The ids of the letters, in their order. */
export const parked = async (store: LetterStore, ...letters: readonly DeadLetter[]): Promise<readonly string[]> => {
  await store.park(letters)
  const all = await listed(store, { limit: 1_000 })
  return letters.map(({ record }) => all.find(({ recordId }) => recordId === record.id)?.id ?? 'not listed')
}

export const replayAll = async (store: LetterStore, more: Partial<JobRequest> = {}): Promise<string> => {
  const { job } = await store.startReplay({ selection: { filter: {} }, ...more }, NOBODY)
  assert.ok(job)
  return job
}

/** The record ids of what is claimed, in order. */
export const claimed = async (store: LetterStore, change: object = {}): Promise<readonly string[]> =>
  (await store.claim({ ...CLAIM, ...change })).letters.map(({ letter }) => letter.record.id)

export const jobOf = async (store: LetterStore, id: string): Promise<JobStatus> => {
  const job = await store.job(id)
  assert.ok(job)
  return job
}

export const resolve = async (store: LetterStore, id: string): Promise<void> => {
  await store.startReplay({ selection: { ids: [id] } }, NOBODY)
  const { letters } = await store.claim(CLAIM)
  const claim = letters.find(letter => letter.claim.id === id)?.claim
  assert.ok(claim)
  await store.settle([{ claim, outcome: 'accepted' }])
}
