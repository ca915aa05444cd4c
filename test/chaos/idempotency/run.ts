/** Kills at every moment, so and so often, and what came of the effects. */
import { randomUUID } from 'node:crypto'
import { systemClock } from '../../../core/clock.ts'
import { type Killed, killAndFinish, runUnharmed } from './kill.ts'
import { openPlace, type PlaceAddress } from './places.ts'
import { effectsExpected, POINTS } from './points.ts'

export interface IdempotencyReport {
  readonly ok: boolean
  readonly store: string
  /** Kills at each moment in each way, and in all. */
  readonly repetitions: number
  readonly kills: number
  /** By way and moment: how many keys had so many effects. */
  readonly effects: Readonly<Record<string, Readonly<Record<number, number>>>>
  readonly broken: readonly string[]
  readonly seconds: number
}

/** Processes of their own that begin at the same time. */
const AT_ONCE = 4
const LEASE_MS = 400
const BATCH = 3

/** A transaction is one key's. */
const waysOf = ({ store }: PlaceAddress): readonly number[] => (store.endsWith('-transaction') ? [1] : [1, BATCH])

export const runKills = async (address: PlaceAddress, repetitions: number): Promise<IdempotencyReport> => {
  const startMs = systemClock.monotonic()
  const place = await openPlace(address)
  const jobs = waysOf(address).flatMap(count =>
    POINTS.flatMap(point =>
      Array.from({ length: repetitions }, () => ({ address, place, point, keys: newKeys(count), leaseMs: LEASE_MS })),
    ),
  )
  const killed: Killed[] = []
  const next = jobs.values()
  const runner = async (): Promise<void> => {
    for (const job of next) killed.push(await killAndFinish(job))
  }
  try {
    for (const count of waysOf(address)) await runUnharmed(address, newKeys(count), `${LEASE_MS}ms`)
    await Promise.all(Array.from({ length: AT_ONCE }, runner))
    const effects = await place.effects()
    return {
      ...judge(address, killed, effects),
      repetitions,
      seconds: Math.round((systemClock.monotonic() - startMs) / 1_000),
    }
  } finally {
    await place.close()
  }
}

const newKeys = (count: number): readonly string[] => Array.from({ length: count }, () => randomUUID())

const judge = (
  { store }: PlaceAddress,
  killed: readonly Killed[],
  effects: readonly { readonly key: string; readonly fence: number }[],
): Omit<IdempotencyReport, 'repetitions' | 'seconds'> => {
  const isTransaction = store.endsWith('-transaction')
  const byKey = Map.groupBy(effects, ({ key }) => key)
  const counted: Record<string, Record<number, number>> = {}
  const broken = killed.flatMap(({ keys, point, wrong }) => {
    const where = keys.length === 1 ? point : `${point} of a batch`
    counted[where] ??= {}
    const counts = counted[where]
    const problems = keys.flatMap((key, index) => {
      const fences = (byKey.get(key) ?? []).map(({ fence }) => fence)
      const expected = effectsExpected(point, { isTransaction, keys: keys.length, index })
      counts[fences.length] = (counts[fences.length] ?? 0) + 1
      return [
        ...(expected.includes(fences.length) ? [] : [`${fences.length} effects instead of ${expected.join(' or ')}`]),
        ...(isTransaction || isRising(fences) ? [] : [`fences did not rise: ${fences.join()}`]),
      ].map(problem => `${problem} (${key})`)
    })
    return [...wrong, ...problems].map(problem => `${where}: ${problem}`)
  })
  return { ok: broken.length === 0, store, kills: killed.length, effects: counted, broken: broken.slice(0, 10) }
}

const isRising = (fences: readonly number[]): boolean =>
  fences.every((fence, index) => index === 0 || fence > (fences[index - 1] ?? 0))
