/**
 * Replays to a real broker while their host is killed again and again and the broker is restarted: every letter is
 * resolved, none is lost, and at most what was under way at those moments is there twice.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sleep, systemClock } from '../../../core/clock.ts'
import { openDatabase } from '../../../core/database.ts'
import type { JobStatus } from '../../../dlq/replay-store.ts'
import { openSqliteStore } from '../../../dlq/sqlite/store.ts'
import type { LetterStore } from '../../../dlq/store.ts'
import type { Broker } from '../../support/brokers/broker.ts'
import { until } from '../../support/until.ts'
import { type Kind, SOURCE } from './config.ts'
import { endOf } from './ends.ts'

export interface ReplayChaos {
  readonly kind: Kind
  readonly broker: Broker
  readonly letters: number
  readonly kills: number
  /** Whether the broker is killed and started in the middle. */
  readonly restart: boolean
  readonly say: (line: string) => void
}

export interface ReplayReport {
  readonly letters: number
  readonly kills: number
  readonly restarts: number
  readonly resolved: number
  readonly lost: number
  readonly duplicates: number
  /** Under way at the kills and the restart, together. */
  readonly inFlight: number
  readonly seconds: number
  readonly ok: boolean
}

const AT_ONCE = 1_000
const NOBODY = { operator: 'chaos', reason: '' }
const HOST = new URL('host-main.ts', import.meta.url).pathname

export const runReplayChaos = async (chaos: ReplayChaos): Promise<ReplayReport> => {
  const { kind, broker, letters, kills, restart, say } = chaos
  const stateDir = await mkdtemp(join(tmpdir(), 'millrace-replay-chaos-'))
  const database = openDatabase(stateDir)
  const store = openSqliteStore(database, { clock: systemClock })
  const end = endOf(kind, broker)
  let host: ReturnType<typeof startHost> | undefined
  try {
    await end.make()
    for (let number = 0; number < letters; number += AT_ONCE)
      await store.park(
        Array.from({ length: Math.min(AT_ONCE, letters - number) }, (_, index) => letterOf(number + index)),
      )
    say(`${letters} letters are parked`)
    const startedAt = performance.now()
    const { job = '' } = await store.startReplay({ selection: { filter: {} }, target: { kind: 'source' } }, NOBODY)
    let inFlight = 0
    host = startHost(kind, broker.url, stateDir)
    for (let kill = 1; kill <= kills; kill += 1) {
      await progress(store, job, Math.floor((letters * kill) / (kills + 1)))
      await atSomeMoment()
      host.kill()
      await host.ended
      const { underWay, resolved } = await status(store, job)
      inFlight += underWay
      say(`kill ${kill}: ${resolved} resolved, ${underWay} under way`)
      host = startHost(kind, broker.url, stateDir)
      if (!restart || kill !== Math.ceil(kills / 2)) continue
      await progress(store, job, resolved + 1)
      await atSomeMoment()
      const at = await status(store, job)
      inFlight += at.underWay
      await broker.restart('SIGKILL')
      say(`the broker was restarted, ${at.underWay} under way`)
    }
    await until('the replay has ended', async () => (await status(store, job)).state === 'done', { timeoutMs: 600_000 })
    host.kill()
    await host.ended
    const { resolved } = await status(store, job)
    const counted = await end.count(letters)
    const all = [...counted.values()].reduce((sum, times) => sum + times, 0)
    const lost = letters - counted.size
    const duplicates = all - counted.size
    const ok = resolved === letters && lost === 0 && duplicates <= inFlight
    const seconds = Math.round((performance.now() - startedAt) / 100) / 10
    return { letters, kills, restarts: restart ? 1 : 0, resolved, lost, duplicates, inFlight, seconds, ok }
  } finally {
    // Of a run that failed: it would keep this process for ever.
    host?.kill()
    await database.close()
    await rm(stateDir, { recursive: true, force: true })
  }
}

/** A moment seen by its progress is one between two batches: kills are to come at any. */
const atSomeMoment = (): Promise<void> => sleep(systemClock, Math.random() * 150)

const status = async (store: LetterStore, id: string): Promise<JobStatus> => {
  const job = await store.job(id)
  if (!job) throw new Error(`the replay ${id} is gone`)
  return job
}

const progress = (store: LetterStore, job: string, resolved: number): Promise<unknown> =>
  until(`${resolved} are resolved`, async () => (await status(store, job)).resolved >= resolved, { timeoutMs: 300_000 })

const startHost = (kind: Kind, url: string, stateDir: string) => {
  const child = spawn(process.execPath, [HOST, kind, url, stateDir], { stdio: ['ignore', 'ignore', 'inherit'] })
  return { kill: () => void child.kill('SIGKILL'), ended: once(child, 'exit') }
}

const letterOf = (number: number) => ({
  mapping: 'charge',
  function: { name: 'charge', version: 'v1' },
  group: 'shop.charge',
  record: {
    id: `orders/${number}`,
    idStrength: 'stable' as const,
    source: SOURCE,
    time: 1_700_000_000_000 + number,
    key: `k${number % 1_000}`,
    headers: [],
    body: new TextEncoder().encode(String(number)),
  },
  reason: 'exhausted' as const,
  error: { name: 'Error', message: 'no' },
  attempts: [],
  firstSeen: 1_700_000_000_000,
  parkedAt: 1_700_000_000_000 + number,
})
