/**
 * `npm run chaos -- --source cron [--seconds 600] [--slots sqlite|postgres|redis] [--seed 1]`: three processes read a
 * schedule that is due every second; every 20 s or so one is killed with SIGKILL and another begins. Each slot is had
 * once, or, after a kill, again and named so.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteSlots } from '../../connectors/cron/sqlite-slots.ts'
import { postgresConnector } from '../../connectors/postgres/connector.ts'
import { redisConnector } from '../../connectors/redis/connector.ts'
import { sleep, systemClock } from '../../core/clock.ts'
import { silentLog } from '../../core/log.ts'
import { SLOT_LEASE_MS } from '../../core/slots.ts'
import { judgeSlots, type SlotsJudgement } from '../connectors/cron/judge.ts'
import { createRandom } from '../simulation/random.ts'
import { startPostgres } from '../support/brokers/postgres.ts'
import { startRedis } from '../support/brokers/redis.ts'
import { type Child, startNode } from '../support/child.ts'
import { until } from '../support/until.ts'

export interface CronChaosOptions {
  readonly seconds: number
  readonly slots: 'sqlite' | 'postgres' | 'redis'
  readonly seed: number
  readonly say: (line: string) => void
}

export interface CronChaosReport extends SlotsJudgement {
  readonly slots: string
  readonly seconds: number
  readonly kills: number
  readonly ok: boolean
  /** Of the slots that were not settled when the last process was killed. */
  readonly oldestUnfinished: string | null
}

const PROCESSES = 3
/** So long that every third kill or so finds its victim at work. */
const WORK_MS = 900
/** Slots that are younger than this at the end may just have been had. */
const LATE_MS = 15_000
const KILL_EVERY_MS = { min: 15_000, max: 25_000 }
const OPTIONS = { every: 1_000, zone: 'UTC', missed: 'latest', overlap: 'allow', jitter: 0, maxWaiting: 1_000 }

export const runCronChaos = async ({ seconds, slots, seed, say }: CronChaosOptions): Promise<CronChaosReport> => {
  const ends: (() => Promise<void> | void)[] = []
  const scope = { after: (end: () => Promise<void> | void) => void ends.push(end) }
  try {
    const random = createRandom(seed)
    const folder = await mkdtemp(join(tmpdir(), 'millrace-chaos-cron-'))
    ends.push(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
    const env: NodeJS.ProcessEnv = { ...(await envFor(slots, scope)), WORK_MS: String(WORK_MS) }
    const all: Child[] = []
    const start = (): Child => {
      // Of those that share a server, each has a folder of its own, as on machines of their own.
      const stateDir = slots === 'sqlite' ? folder : join(folder, String(all.length))
      const args = ['test/connectors/cron/reader-main.ts', 'work', stateDir, JSON.stringify(OPTIONS)]
      const child = startNode(scope as never, args, { env })
      all.push(child)
      return child
    }
    let running = Array.from({ length: PROCESSES }, start)
    await Promise.all(running.map(child => child.line(/^open/)))
    const lines = (): readonly string[] => all.flatMap(child => child.output().split('\n'))
    const endAt = systemClock.monotonic() + seconds * 1_000
    let kills = 0
    while (systemClock.monotonic() < endAt) {
      await sleep(
        systemClock,
        Math.min(random.int(KILL_EVERY_MS.min, KILL_EVERY_MS.max), endAt - systemClock.monotonic()),
      )
      if (systemClock.monotonic() >= endAt) break
      const victim = running[random.int(0, PROCESSES - 1)]
      victim?.kill('SIGKILL')
      await victim?.ended
      kills += 1
      running = [...running.filter(child => child !== victim), start()]
      const { once, again } = judgeSlots(lines())
      say(`kill ${kills}: ${once} slots were had once, ${again} again`)
    }
    await until('nothing is open', () => judgeSlots(lines()).open.length <= 1, { timeoutMs: 2 * SLOT_LEASE_MS })
    for (const child of running) child.kill('SIGKILL')
    await Promise.all(running.map(child => child.ended))
    const judgement = judgeSlots(lines())
    // One that was killed right after it had settled could not say so any more; its slot is not there.
    const { oldest } = await unfinishedIn(folder, env.SLOTS_URL)
    const isLeft = oldest !== null && oldest < systemClock.now() - LATE_MS
    const ok = judgement.holes.length === 0 && judgement.unexplained.length === 0 && !isLeft
    return {
      slots,
      seconds,
      kills,
      ok,
      oldestUnfinished: oldest === null ? null : new Date(oldest).toISOString(),
      ...judgement,
    }
  } finally {
    for (const end of ends.toReversed()) await end()
  }
}

const unfinishedIn = async (stateDir: string, url: string | undefined) => {
  const tools = { clock: systemClock, log: silentLog, random: () => 0.5, stateDir }
  const keeper = url?.startsWith('postgres') ? postgresConnector : redisConnector
  const connection = url === undefined ? undefined : await keeper.connect('slots', { url }, tools)
  const store = (await connection?.openSlots?.()) ?? openSqliteSlots(stateDir)
  const defined = JSON.stringify([undefined, OPTIONS.every, OPTIONS.zone])
  const slots = await store.open({ schedule: 'nightly', reader: 'test', defined }, 0)
  const unfinished = await slots.unfinished()
  await store.close()
  await connection?.close()
  return unfinished
}

const envFor = async (slots: CronChaosOptions['slots'], scope: { after(end: () => Promise<void>): void }) => {
  if (slots === 'postgres') return { ...process.env, SLOTS_URL: (await startPostgres(scope)).url }
  if (slots === 'redis') return { ...process.env, SLOTS_URL: (await startRedis(scope)).url }
  return process.env
}
