/** Kills at every moment, so and so often, and what came of the effects. */
import { randomUUID } from 'node:crypto'
import { systemClock } from '../../../core/clock.ts'
import { type Killed, killAndFinish, runUnharmed } from './kill.ts'
import { openPlace, type PlaceAddress } from './places.ts'
import { effectsExpected, POINTS } from './points.ts'

export interface IdempotencyReport {
  readonly ok: boolean
  readonly store: string
  /** Kills at each moment, and in all. */
  readonly repetitions: number
  readonly kills: number
  /** By moment: how many keys had so many effects. */
  readonly effects: Readonly<Record<string, Readonly<Record<number, number>>>>
  readonly broken: readonly string[]
  readonly seconds: number
}

/** Processes of their own that begin at the same time. */
const AT_ONCE = 4
const LEASE_MS = 400

export const runKills = async (address: PlaceAddress, repetitions: number): Promise<IdempotencyReport> => {
  const startMs = systemClock.monotonic()
  const place = await openPlace(address)
  const jobs = POINTS.flatMap(point =>
    Array.from({ length: repetitions }, () => ({ address, place, point, key: randomUUID(), leaseMs: LEASE_MS })),
  )
  const killed: Killed[] = []
  const next = jobs.values()
  const runner = async (): Promise<void> => {
    for (const job of next) killed.push(await killAndFinish(job))
  }
  try {
    await runUnharmed(address, randomUUID(), `${LEASE_MS}ms`)
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

const judge = (
  { store }: PlaceAddress,
  killed: readonly Killed[],
  effects: readonly { readonly key: string; readonly fence: number }[],
): Omit<IdempotencyReport, 'repetitions' | 'seconds'> => {
  const mode = store.endsWith('-transaction') ? 'transaction' : 'lease'
  const byKey = Map.groupBy(effects, ({ key }) => key)
  const counted: Record<string, Record<number, number>> = {}
  const broken = killed.flatMap(({ key, point, wrong }) => {
    const found = byKey.get(key) ?? []
    counted[point] ??= {}
    const counts = counted[point]
    counts[found.length] = (counts[found.length] ?? 0) + 1
    const expected = effectsExpected(point, mode)
    const fences = found.map(({ fence }) => fence)
    return [
      ...wrong,
      ...(found.length === expected ? [] : [`${found.length} effects instead of ${expected}`]),
      ...(fences.every((fence, index) => index === 0 || mode === 'transaction' || fence > (fences[index - 1] ?? 0))
        ? []
        : [`fences did not rise: ${fences.join()}`]),
    ].map(problem => `${point}: ${problem} (${key})`)
  })
  return { ok: broken.length === 0, store, kills: killed.length, effects: counted, broken: broken.slice(0, 10) }
}
