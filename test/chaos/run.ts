/**
 * One run: records are sent in as many parts as there are faults and one more; each fault comes while its part is being
 * processed, and the next part when records flow again. At the end nothing may be left at the broker, and what the
 * members did is judged.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../core/clock.ts'
import { createRandom } from '../simulation/random.ts'
import type { Scope } from '../support/brokers/broker.ts'
import { until } from '../support/until.ts'
import type { Arena, OpenArena } from './arena.ts'
import { type EffectsFile, effectsFile } from './effects-file.ts'
import { inject } from './inject.ts'
import { bodyOf, keyOf, poisonOf } from './jobs.ts'
import { type Judgement, judge } from './judge.ts'
import { createMembers } from './members.ts'
import { duplicateBound, type Fault, planFaults } from './plan.ts'

export interface ChaosOptions {
  readonly source: string
  readonly openArena: OpenArena
  readonly records: number
  readonly faults: number
  readonly seed: number
  /** Told what happens while it does. */
  readonly say: (line: string) => void
}

export interface ChaosReport extends Judgement {
  readonly source: string
  readonly records: number
  readonly faults: number
  readonly seed: number
  readonly kinds: readonly Fault[]
  /** From the end of a fault to the next record that was processed, at worst. */
  readonly slowestRecoveryMs: number
  readonly seconds: number
}

/** What one member may have claimed at once. */
export const MAX_IN_FLIGHT = 400
const MEMBERS = ['first', 'second', 'third']
const SENT_AT_ONCE = 1_000
/** A fault comes when so much of its part is processed. */
const SHARE_BEFORE_FAULT = 0.2
const SETTLED_FOR_MS = 6_000
const PATIENCE = { timeoutMs: 120_000 }

export const runChaos = async (options: ChaosOptions): Promise<ChaosReport> => {
  const ends: (() => Promise<unknown>)[] = []
  const folder = await mkdtemp(join(tmpdir(), `millrace-chaos-${options.source}-`))
  try {
    const report = await run(options, folder, { after: end => void ends.push(end) })
    if (report.ok) ends.unshift(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
    else options.say(`what the members wrote is kept in ${folder}`)
    return report
  } catch (error) {
    options.say(`what the members wrote is kept in ${folder}`)
    throw error
  } finally {
    for (const end of ends.toReversed()) await end()
  }
}

const run = async (options: ChaosOptions, folder: string, scope: Scope): Promise<ChaosReport> => {
  const { source, records, seed, say } = options
  const startedAt = systemClock.monotonic()
  const random = createRandom(seed)
  const arena = await options.openArena(scope, random.fork().next)
  const effects = effectsFile(join(folder, 'effects'))
  const members = createMembers(folder, { ...arena.env, CHAOS_SOURCE: source, CHAOS_EFFECTS: effects.path })
  scope.after(async () => {
    for (const name of members.names()) await members.end(name, 'SIGKILL')
  })
  for (const name of MEMBERS) members.start(name)
  const kinds = planFaults(seed, options.faults)
  const partSize = Math.ceil(records / (kinds.length + 1))
  let [sent, slowestRecoveryMs] = [0, 0]
  for (const fault of [...kinds, undefined]) {
    const count = Math.min(partSize, records - sent)
    const before = effects.lines()
    await publish(arena, sent, count)
    sent += count
    if (fault === undefined) continue
    const enough = before + count * SHARE_BEFORE_FAULT
    await until('records are processed before the fault', () => effects.lines() >= enough, PATIENCE)
    say(fault)
    await inject(fault, { arena, members, random })
    const recoveryMs = await recovered(arena, effects)
    slowestRecoveryMs = Math.max(slowestRecoveryMs, recoveryMs)
    say(`  ${sent} of ${records} sent, ${effects.lines()} runs, recovered after ${recoveryMs} ms`)
  }
  await nothingLeft(arena, effects)
  say('nothing is left at the broker')
  await members.endAll()
  const bound = duplicateBound(kinds, MEMBERS.length, MAX_IN_FLIGHT)
  const expected = { records, poison: poisonOf(records), duplicateBound: bound }
  return {
    source,
    records,
    faults: kinds.length,
    ...judge(expected, effects.all(), await members.parked()),
    seed,
    kinds: [...new Set(kinds)],
    slowestRecoveryMs,
    seconds: Math.round((systemClock.monotonic() - startedAt) / 1_000),
  }
}

const publish = async (arena: Arena, from: number, count: number): Promise<void> => {
  for (let start = from; start < from + count; start += SENT_AT_ONCE) {
    const size = Math.min(SENT_AT_ONCE, from + count - start)
    await arena.publish(Array.from({ length: size }, (_, at) => ({ key: keyOf(start + at), body: bodyOf(start + at) })))
  }
}

/** Milliseconds until a record was processed again, or until there was none to process. */
const recovered = async (arena: Arena, effects: EffectsFile): Promise<number> => {
  const since = systemClock.monotonic()
  const before = effects.lines()
  await until(
    'records are processed after the fault',
    async () => effects.lines() > before || (await arena.backlog().catch(() => undefined)) === 0,
    PATIENCE,
  )
  return Math.round(systemClock.monotonic() - since)
}

/** Brokers count some of what they have from time to time only: it must be nothing all the time, and nothing may run. */
const nothingLeft = async (arena: Arena, effects: EffectsFile): Promise<void> => {
  let [since, lines] = [systemClock.monotonic(), -1]
  await until(
    'nothing is left to settle',
    async () => {
      const left = await arena.backlog().catch(() => undefined)
      if (left !== 0 || effects.lines() !== lines) {
        since = systemClock.monotonic()
        lines = effects.lines()
      }
      return systemClock.monotonic() - since >= SETTLED_FOR_MS
    },
    PATIENCE,
  )
}
