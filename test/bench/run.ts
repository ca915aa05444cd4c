import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Bench, Result, Running } from './contestant.ts'

/** Contestants take turns in every round, so that a noisy minute hits all of them; the first round warms up and does not count. */
export const runBench = async (
  bench: Bench,
  rounds: number,
  progress: (text: string) => void,
): Promise<readonly Result[]> => {
  const folder = await mkdtemp(join(tmpdir(), `millrace-bench-${bench.name}-`))
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
          `${bench.name}, round ${round} of ${rounds}: ${contestants[index]?.name} ${Math.round(value)} ${bench.unit}`,
        )
      }
    }
    return contestants.map((contestant, index) =>
      summary(bench, contestant.name, measured[index] ?? [], measured[0] ?? []),
    )
  } finally {
    for (const contestant of running) await contestant.close()
    await close()
    await rm(folder, { recursive: true, force: true })
  }
}

const summary = (bench: Bench, contestant: string, values: readonly number[], raw: readonly number[]): Result => {
  const ratios = values.map((value, round) => value / (raw[round] ?? value))
  return {
    bench: bench.name,
    contestant,
    unit: bench.unit,
    median: Math.round(median(values)),
    min: Math.round(Math.min(...values)),
    max: Math.round(Math.max(...values)),
    ratio: Number(median(ratios).toFixed(3)),
    ratioMin: Number(Math.min(...ratios).toFixed(3)),
    ratioMax: Number(Math.max(...ratios).toFixed(3)),
  }
}

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2
}
