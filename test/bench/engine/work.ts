/** What the engine's benches invoke with, and how they count. */
import { BODIES } from '../invoke/work.ts'
import { median } from '../median.ts'

const [body] = BODIES
if (!body) throw new Error('there are no bodies')

/** One record of 1 KB. */
export const ONE: readonly Uint8Array[] = [body]
/** A batch of 100 of them. */
export const HUNDRED = BODIES

/** The objects that a function makes of these bodies. */
export const parsed = (bodies: readonly Uint8Array[]): readonly object[] =>
  bodies.map(each => JSON.parse(Buffer.from(each).toString()) as object)

export type Call = () => Promise<void>

/** As in engine-measurements.md: code is compiled by how often it ran, so a time is fairer to all than a count. */
const LATENCY_MS = 250

/** The median of calls one after the other, in microseconds. */
export const medianMicros = async (call: Call): Promise<number> => {
  const micros: number[] = []
  const endMs = performance.now() + LATENCY_MS
  for (let startMs = performance.now(); startMs < endMs; startMs = performance.now()) {
    await call()
    micros.push((performance.now() - startMs) * 1_000)
  }
  return median(micros)
}

const CALLS_FOR_THROUGHPUT = 20_000

/** Calls for each second with so many under way at any time. */
export const callsPerSecond = async (call: Call, outstanding: number): Promise<number> => {
  let left = CALLS_FOR_THROUGHPUT
  const caller = async (): Promise<void> => {
    for (; left > 0; left -= 1) await call()
  }
  const startMs = performance.now()
  await Promise.all(Array.from({ length: outstanding }, caller))
  return CALLS_FOR_THROUGHPUT / ((performance.now() - startMs) / 1_000)
}
