import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Bench, Contestant, Result, Running } from './contestant.ts'
import { median } from './median.ts'

/** Contestants take turns in every round, so that a noisy minute hits all of them; the first round warms up and does not count. */
export const runBench = async (
  bench: Bench,
  rounds: number,
  progress: (text: string) => void,
): Promise<readonly Result[]> => {
  const folder = await mkdtemp(join(tmpdir(), `millrace-bench-${bench.name.replace('/', '-')}-`))
  const running: Running[] = []
  const { contestants, close } = await bench.open(progress)
  try {
    for (const [index, contestant] of contestants.entries())
      running.push(await contestant.open(join(folder, String(index))))
    const measured: number[][] = running.map(() => [])
    for (let round = 0; round <= rounds; round += 1) {
      for (const [index, contestant] of running.entries()) {
        const value = await contestant.round()
        if (round > 0) measured[index]?.push(value)
        progress(
          `${bench.name}, round ${round} of ${rounds}: ${contestants[index]?.name} ${shown(value)} ${bench.unit}`,
        )
      }
    }
    return contestants.map((contestant, index) => summary(bench, contestant, measured[index] ?? [], measured[0] ?? []))
  } finally {
    for (const contestant of running) await contestant.close()
    await close()
    await rm(folder, { recursive: true, force: true })
  }
}

const summary = (
  bench: Bench,
  { name, aim }: Contestant,
  values: readonly number[],
  raw: readonly number[],
): Result => {
  const ratios = values.map((value, round) => value / (raw[round] ?? value))
  const ratio = Number(median(ratios).toFixed(3))
  return {
    bench: bench.name,
    contestant: name,
    unit: bench.unit,
    median: shown(median(values)),
    min: shown(Math.min(...values)),
    max: shown(Math.max(...values)),
    ratio,
    ratioMin: Number(Math.min(...ratios).toFixed(3)),
    ratioMax: Number(Math.max(...ratios).toFixed(3)),
    ...(aim ? { aim: { ...aim, met: aim.is === 'at most' ? ratio <= aim.ratio : ratio >= aim.ratio } } : {}),
  }
}

/** Whole, unless it is so small that this would hide a difference. */
const shown = (value: number): number => (value < SMALL ? Number(value.toFixed(2)) : Math.round(value))

const SMALL = 100
