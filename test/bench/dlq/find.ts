/**
 * How long the first page takes of each filter and grouping, among a million letters; how much memory a walk through all of
 * them takes; and how long a replay of all of them takes to be made.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../../core/clock.ts'
import { openDatabase } from '../../../core/database.ts'
import { openSqliteStore } from '../../../dlq/sqlite/store.ts'
import type { LetterFilter, LetterStore } from '../../../dlq/store.ts'
import { type Measured, rowOf } from '../measured.ts'
import { letterNumber } from './letters.ts'

const BOUND_MS = 100
const TRIES = 20
const AT_ONCE = 2_000
const NOBODY = { operator: '', reason: '' }

export const measureFinding = async (all: number, say: (text: string) => void): Promise<readonly Measured[]> => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-dlq-'))
  const database = openDatabase(folder)
  const store = openSqliteStore(database, { clock: systemClock })
  const rows: Measured[] = []
  const add = (row: Measured): void => {
    rows.push(row)
    say(`dlq/find: ${row.what}: p50 ${row.p50}, p99 ${row.p99} ${row.unit} (${row.bound})`)
  }
  try {
    const startMs = performance.now()
    for (let number = 0; number < all; number += AT_ONCE) {
      await store.park(Array.from({ length: AT_ONCE }, (_, index) => letterNumber(number + index, all)))
      if ((number / AT_ONCE) % 50 === 0)
        say(`dlq/find: ${number} letters after ${Math.round((performance.now() - startMs) / 1_000)} s`)
    }
    for (const [what, page] of await pages(store)) add(timed(`first page: ${what}`, await times(page)))
    for (const by of ['error', 'function', 'mapping', 'day'] as const)
      add(timed(`grouped by ${by}`, await times(() => store.groups({ by, limit: 50 }))))
    add(timed('the counts of all mappings', await times(() => store.counts())))
    add(await walked(store))
    add(timed(`a replay of all ${all} is made`, await times(() => makeAndCancel(store), 5)))
    return rows
  } finally {
    await database.close()
    await rm(folder, { recursive: true, force: true })
  }
}

type Pages = readonly (readonly [what: string, page: () => Promise<unknown>])[]

const pages = async (store: LetterStore): Promise<Pages> => {
  const [some] = (await store.page({ limit: 1 })).letters
  const page = (filter: LetterFilter) => (): Promise<unknown> => store.page({ ...filter, limit: 50 })
  const day = 24 * 3_600_000
  const since = (some?.firstParkedAt ?? 0) - 30 * day
  return [
    ['no filter', page({})],
    ['mapping', page({ mapping: 'charge' })],
    ['function', page({ function: 'mail' })],
    ['error', page({ error: 'Error7' })],
    ['fingerprint', page({ fingerprint: some?.fingerprint ?? '' })],
    ['key', page({ key: 'customer-77' })],
    ['source', page({ source: 'shop/audit' })],
    ['state open', page({ state: 'open' })],
    ['state archived, of which there is none', page({ state: 'archived' })],
    ['time', page({ since, until: since + day })],
    ['mapping and error', page({ mapping: 'charge', error: 'Error7' })],
    ['mapping and error that are never together', page({ mapping: 'charge', error: 'Error1' })],
    ['verdict that no letter has', page({ reason: 'crashed' })],
    ['header', page({ headers: [{ name: 'trace', value: 't77' }] })],
    ['field of the body', page({ fields: [{ path: 'id', value: '77' }] })],
    ['header and key', page({ headers: [{ name: 'trace' }], key: 'customer-77' })],
  ]
}

/** Milliseconds of each try. */
const times = async (work: () => Promise<unknown>, tries = TRIES): Promise<readonly number[]> => {
  const taken: number[] = []
  for (let index = 0; index < tries; index += 1) {
    const startMs = performance.now()
    await work()
    taken.push(performance.now() - startMs)
  }
  return taken
}

const timed = (what: string, values: readonly number[]): Measured =>
  rowOf('dlq/find', what, 'ms', values, `p99 < ${BOUND_MS}`, Math.max(...values) < BOUND_MS)

/** A filter that matches nothing looks at every letter. */
const walked = async (store: LetterStore): Promise<Measured> => {
  const before = process.memoryUsage().rss
  let most = before
  let next: string | undefined
  do {
    const page = await store.page({ headers: [{ name: 'nobody' }], limit: 50, ...(next ? { before: next } : {}) })
    most = Math.max(most, process.memoryUsage().rss)
    next = page.next
  } while (next !== undefined)
  const grown = (most - before) / 1_048_576
  return rowOf('dlq/find', 'memory while all letters are looked into', 'MB', [grown], '< 64', grown < 64)
}

const makeAndCancel = async (store: LetterStore): Promise<void> => {
  const { job = '' } = await store.startReplay({ selection: { filter: {} } }, NOBODY)
  await store.steer(job, 'cancelled', NOBODY)
}
