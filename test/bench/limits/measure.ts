/**
 * What the engine promises of limits, measured: how long after its deadline an environment is gone, whatever it does; what
 * uses up memory; what is kept of the log; what an idle environment weighs; what share of CPU a function gets.
 */
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sleep, systemClock } from '../../../core/clock.ts'
import type { CpuMeans, Report } from '../../../core/engine/contract.ts'
import { cpuTimeMs } from '../../../core/engine/limits/duty.ts'
import { cpuShareOf } from '../../../core/engine/limits/share.ts'
import { privateMemoryMb } from '../../../core/engine/process/memory.ts'
import { KILL_SHAPES, MEMORY_SHAPES, type Shape, shapeSource } from '../../support/shapes.ts'
import { type Measured, quantile, rowOf } from '../measured.ts'
import { oneFunction } from './one-function.ts'

const TIMEOUT_MS = 60
const KILLS = 30
const KILL_BOUND_MS = 30
const MEMORY_TRIES = 3
const MEMORY_MB = 128
const IDLE_BOUND_MB = 12
const IDLE_TRIES = 10
const SHARE_MB = [128, 442, 884]
const SHARE_MS = 2_000
const MEANS: readonly CpuMeans[] = ['cgroup-v2', 'cgroup-v1', 'duty-cycle']
/** Of the share, in parts of it: what the kernel keeps is exact, what is stopped and continued is not. */
const SHARE_BOUNDS: Readonly<Partial<Record<CpuMeans, number>>> = { 'duty-cycle': 0.2 }
const KERNEL_BOUND = 0.05

export const measureLimits = async (say: (text: string) => void): Promise<readonly Measured[]> => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-limits-'))
  const rows: Measured[] = []
  const add = (row: Measured): void => {
    rows.push(row)
    say(`limits: ${row.what}: p50 ${row.p50}, p99 ${row.p99} ${row.unit} (${row.bound})`)
  }
  try {
    const lines: number[] = []
    for (const [what, shape] of Object.entries(KILL_SHAPES)) add(await kills(folder, what, shape, lines))
    const least = Math.min(...lines)
    add(row('lines kept of those a killed environment printed, of 50', 'lines', lines, '= 50', least === 50))
    for (const [what, shape] of Object.entries(MEMORY_SHAPES)) add(await memory(folder, what, shape))
    add(await idle(folder))
    for (const means of MEANS)
      for (const memoryMb of SHARE_MB) for (const each of await share(folder, means, memoryMb)) add(each)
    return rows
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** From the deadline to the report, which comes when the environment is gone. */
const kills = async (folder: string, what: string, shape: Shape, lines: number[]): Promise<Measured> => {
  const f = await oneFunction(folder, 'kill', shapeSource(shape), { timeoutMs: TIMEOUT_MS })
  const took: number[] = []
  const printed = join(folder, 'printed')
  for (let index = 0; index < KILLS; index += 1) {
    await f.run({ ok: true })
    const startMs = performance.now()
    const report = await f.run({ printed })
    took.push(performance.now() - startMs - TIMEOUT_MS)
    expectCode(report, 'FUNCTION_TIMEOUT', what)
    // On a busy machine its time may be over before it has printed anything.
    if (existsSync(printed)) lines.push(report.logs.filter(line => line.startsWith('line ')).length)
    await rm(printed, { force: true })
  }
  await f.close()
  return row(`killed: ${what}`, 'ms', took, `p99 ≤ ${KILL_BOUND_MS}`, quantile(took, 0.99) <= KILL_BOUND_MS)
}

const memory = async (folder: string, what: string, shape: Shape): Promise<Measured> => {
  const f = await oneFunction(folder, 'memory', shapeSource(shape), { memoryMb: MEMORY_MB })
  const took: number[] = []
  for (let index = 0; index < MEMORY_TRIES; index += 1) {
    await f.run({ ok: true })
    const startMs = performance.now()
    expectCode(await f.run({}), 'FUNCTION_OUT_OF_MEMORY', what)
    took.push(performance.now() - startMs)
  }
  await f.close()
  return row(`out of memory at ${MEMORY_MB} MB: ${what}`, 'ms', took, 'told as memory, the host lives', true)
}

const idle = async (folder: string): Promise<Measured> => {
  const found: number[] = []
  for (let index = 0; index < IDLE_TRIES; index += 1) {
    const f = await oneFunction(folder, 'idle', 'export const handler = () => process.pid', {})
    const pid = Number(answerOf(await f.run({})))
    await sleep(systemClock, 100)
    found.push(privateMemoryMb(pid) ?? Number.NaN)
    await f.close()
  }
  return row(
    'private memory of an idle environment',
    'MB',
    found,
    `≤ ${IDLE_BOUND_MB}`,
    quantile(found, 0.5) <= IDLE_BOUND_MB,
  )
}

const BUSY = `export const handler = async ([record]) => {
  if (record.data.ok) return process.pid
  const end = performance.now() + ${SHARE_MS + 500}
  while (performance.now() < end);
}`

/** By the CPU time the kernel has counted, not by the clock: what else runs here only makes it less. */
const share = async (folder: string, means: CpuMeans, memoryMb: number): Promise<readonly Measured[]> => {
  const f = await oneFunction(folder, 'share', BUSY, { memoryMb }, { cpuShares: 'on', means: [means] })
  if (f.means()?.cpu !== means) {
    await f.close()
    return []
  }
  const pid = Number(answerOf(await f.run({ ok: true })))
  const running = f.run({})
  await sleep(systemClock, 200)
  const before = { usedMs: cpuTimeMs(pid) ?? 0, atMs: performance.now() }
  await sleep(systemClock, SHARE_MS)
  const got = ((cpuTimeMs(pid) ?? 0) - before.usedMs) / (performance.now() - before.atMs)
  await running
  await f.close()
  const expected = cpuShareOf(memoryMb)
  const error = Math.abs(got - expected) / expected
  const bound = SHARE_BOUNDS[means] ?? KERNEL_BOUND
  const what = `share of a core at ${memoryMb} MB, ${(100 * expected).toFixed(1)} %, by ${means}`
  return [row(what, '%', [100 * got], `within ${100 * bound} % of it`, error <= bound)]
}

const expectCode = ({ outcome }: Report, code: string, what: string): void => {
  if (outcome.kind !== 'failed' || outcome.error.code !== code)
    throw new Error(`${what}: expected ${code}, got ${JSON.stringify(outcome).slice(0, 500)}`)
}

const answerOf = ({ outcome }: Report): unknown => {
  if (outcome.kind !== 'answered') throw new Error(`expected an answer, got ${JSON.stringify(outcome).slice(0, 500)}`)
  return outcome.value
}

const row = (what: string, unit: string, values: readonly number[], bound: string, holds: boolean): Measured =>
  rowOf('limits', what, unit, values, bound, holds)
