import assert from 'node:assert/strict'
import { systemClock } from '../../../core/clock.ts'
import { openDatabase } from '../../../core/database.ts'
import { openSqliteStore } from '../../../dlq/sqlite/store.ts'
import type { Contestant } from '../contestant.ts'
import { letterNumber } from './letters.ts'
import { AT_ONCE, type Job, LETTERS_A_ROUND, perSecond } from './work.ts'

const CLAIM = {
  mapping: 'charge',
  source: 'shop/charge',
  by: 'function',
  order: 'none',
  maxBytes: 1e9,
  leaseMs: 30_000,
} as const

export const millrace = (job: Job): Contestant => ({
  name: 'millrace',
  async open(folder) {
    const database = openDatabase(folder)
    const store = openSqliteStore(database, { clock: systemClock })
    let number = 0
    const park = async (): Promise<void> => {
      for (let parked = 0; parked < LETTERS_A_ROUND; parked += AT_ONCE)
        await store.park(Array.from({ length: AT_ONCE }, () => letterNumber(number++ * 5, 10_000_000)))
    }
    const replay = async (): Promise<void> => {
      const { job: id = '' } = await store.startReplay({ selection: { filter: {} } }, { operator: '', reason: '' })
      for (;;) {
        const { letters } = await store.claim({ ...CLAIM, max: AT_ONCE })
        if (letters.length === 0) break
        await handler()
        await store.settle(letters.map(({ claim }) => ({ claim, outcome: 'accepted' })))
      }
      assert.equal((await store.job(id))?.resolved, LETTERS_A_ROUND)
    }
    return {
      async round() {
        if (job === 'park') return perSecond(park)
        await park()
        return perSecond(replay)
      },
      close: () => database.close(),
    }
  },
})

const handler = async (): Promise<void> => undefined
