/** A replay of one mapping, with its store and a clock of its own. */
import type { TestContext } from 'node:test'
import type { Clock } from '../../core/clock.ts'
import type { Delivery, PollRequest, Settlement } from '../../core/contract.ts'
import { openDatabase } from '../../core/database.ts'
import { silentLog } from '../../core/log.ts'
import { createVirtualClock, type VirtualClock } from '../../core/testing/virtual-clock.ts'
import { replaySource } from '../../dlq/replay.ts'
import { openSqliteStore } from '../../dlq/sqlite/store.ts'
import type { LetterStore } from '../../dlq/store.ts'
import { temporaryFolder } from '../support/folder.ts'
import { fullRecord, letterFor } from '../support/letters.ts'

export const MAPPING = 'charge'
export const SOURCE = 'local/orders'
export const LEASE_MS = 30_000
export const NOBODY = { operator: '', reason: '' }

export const pollFor = (change: Partial<PollRequest> = {}): PollRequest => ({
  max: 100,
  maxPerLane: 100,
  maxBytes: 64_000_000,
  waitMs: 0,
  skipLanes: new Set(),
  signal: new AbortController().signal,
  ...change,
})

export const openReplay = async <T extends Clock = VirtualClock>(
  context: TestContext,
  clock: T = createVirtualClock() as Clock as T,
) => {
  const folder = await temporaryFolder(context)
  const database = openDatabase(folder)
  const store = openSqliteStore(database, { clock })
  const source = replaySource(store, MAPPING, SOURCE, { clock, log: silentLog, order: 'none', leaseMs: LEASE_MS })
  context.after(async () => {
    await source.close()
    await database.close()
  })
  const park = async (...ids: readonly string[]) => {
    await store.park(ids.map(id => letterFor(fullRecord(id))))
    const { letters } = await store.page({ limit: 1_000 })
    return ids.map(id => letters.find(({ recordId }) => recordId === id)?.id ?? 'not listed')
  }
  return { folder, database, store, source, clock, park }
}

export const accepted = (delivery: Delivery): Settlement => ({ delivery, outcome: 'accepted' })
export const stateOf = async ({ store }: { readonly store: LetterStore }, id: string) =>
  (await store.get(id))?.summary.state
