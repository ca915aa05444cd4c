/**
 * `npm run soak -- [--records 1000000] [--rate 10000] [--warmup 2000000] [--isolation inline|process] [--json]`: does memory
 * stay flat? After a warm-up at full speed, records go through an embedded queue at `--rate` a second while RSS is sampled.
 * What the collector has not yet freed comes and goes, so the slope is a least-squares line over the lowest sample of each
 * five seconds. Exits 1 above 1 MB/min.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createApp, defineConfig } from 'millrace'
import { jobs } from '../bench/embedded/jobs.ts'
import { lowest, type Sample, slopePerMinute } from './slope.ts'

const MAX_MB_PER_MINUTE = 1
const SEND_AT_ONCE = 500
/** Producing waits while the function is this far behind, so that the backlog is not what grows. */
const MAX_BEHIND = 5_000
const SAMPLE_MS = 250
const WINDOW_SECONDS = 5
const BODY = new Uint8Array(1_024).fill(120)

const { values } = parseArgs({
  options: {
    records: { type: 'string', default: '1000000' },
    warmup: { type: 'string', default: '2000000' },
    rate: { type: 'string', default: '10000' },
    isolation: { type: 'string', default: 'process' },
    json: { type: 'boolean', default: false },
  },
})
const records = Number(values.records)
const warmup = Number(values.warmup)
const rate = Number(values.rate)
const isolation = values.isolation === 'inline' ? 'inline' : 'process'
const folder = await mkdtemp(join(tmpdir(), 'millrace-soak-'))
const app = createApp(
  defineConfig({
    name: 'soak',
    stateDir: folder,
    functions: { noop: { file: `${import.meta.dirname}/../bench/embedded/noop.ts`, isolation } },
    mappings: { jobs: { source: jobs, function: 'noop' } },
  }),
)
await app.start()
const accepted = (): number => app.status().mappings[0]?.counts.accepted ?? 0

/** Sends so many records, at most so many a second, and waits until the function has had them all. */
const run = async (count: number, perSecond: number): Promise<void> => {
  const before = accepted()
  const begunAt = performance.now()
  for (let sent = 0; sent < count; sent += SEND_AT_ONCE) {
    await app.send(
      jobs,
      Array.from({ length: Math.min(SEND_AT_ONCE, count - sent) }, () => ({ data: BODY })),
    )
    const aheadMs = (sent / perSecond) * 1_000 - (performance.now() - begunAt)
    if (aheadMs > 0) await new Promise(resolve => setTimeout(resolve, aheadMs))
    while (before + sent - accepted() > MAX_BEHIND) await new Promise(resolve => setImmediate(resolve))
  }
  while (accepted() < before + count) await new Promise(resolve => setTimeout(resolve, 10))
}

await run(warmup, Number.POSITIVE_INFINITY)
const samples: Sample[] = []
const startedAt = performance.now()
const sampling = setInterval(() => {
  samples.push({ seconds: (performance.now() - startedAt) / 1_000, mb: process.memoryUsage.rss() / 2 ** 20 })
}, SAMPLE_MS)
await run(records, rate)
clearInterval(sampling)
await app.stop()
await rm(folder, { recursive: true, force: true })

const seconds = (performance.now() - startedAt) / 1_000
const result = {
  soak: 'embedded queue',
  isolation,
  records,
  seconds: Math.round(seconds),
  mbAtStart: Math.round(samples[0]?.mb ?? 0),
  mbAtEnd: Math.round(samples.at(-1)?.mb ?? 0),
  mbPerMinute: Number(slopePerMinute(lowest(samples, WINDOW_SECONDS)).toFixed(2)),
}
process.stdout.write(
  values.json
    ? `${JSON.stringify(result)}\n`
    : `${Object.entries(result)
        .map(([name, value]) => `${name}: ${value}`)
        .join('\n')}\n`,
)
process.exitCode = result.mbPerMinute > MAX_MB_PER_MINUTE ? 1 : 0
