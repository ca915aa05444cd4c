/**
 * `npm run chaos -- --source kafka [--records 100000] [--faults 20] [--seed 1] [--json]`: faults while whole apps process
 * records. `--source idempotency --repetitions 200`: so many kills at each moment of a job, for each store of keys, or
 * for those named with `--store`.
 * `--source cron` is about slots (`cron.ts`). `--replay kafka|rabbitmq --records 100000 --faults 10`: dead letters sent
 * back while their host is killed so often and the broker restarted once. What happens is told on stderr; stdout gets the
 * report. Exits 1 when a promise was broken: a record lost, invented, changed or out of order, or more of them run twice
 * than were in flight at the faults.
 *
 * `--source http [--records 1000000] [--kill-every 20000]`: requests through a door into the embedded queue, while its app is
 * killed every so many milliseconds. Exits 1 unless everything that was answered 202 was processed or parked.
 */
import { parseArgs } from 'node:util'
import type { OpenArena } from './arena.ts'
import { openKafka } from './arenas/kafka.ts'
import { openRabbit } from './arenas/rabbitmq.ts'
import { openRedis } from './arenas/redis.ts'
import { type CronChaosReport, runCronChaos } from './cron.ts'
import { type HttpChaosReport, runHttpChaos } from './http/run.ts'
import { STORES } from './idempotency/places.ts'
import type { IdempotencyReport } from './idempotency/run.ts'
import { killStores } from './idempotency/stores.ts'
import type { ReplayReport } from './replay/run.ts'
import { replayChaos } from './replay/standalone.ts'
import { type ChaosReport, runChaos } from './run.ts'

const ARENAS: Readonly<Record<string, OpenArena>> = { kafka: openKafka, rabbitmq: openRabbit, redis: openRedis }

const { values } = parseArgs({
  options: {
    source: { type: 'string', default: 'kafka' },
    records: { type: 'string', default: '100000' },
    faults: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    store: { type: 'string', multiple: true, default: [...STORES] },
    repetitions: { type: 'string', default: '200' },
    'kill-every': { type: 'string', default: '20000' },
    replay: { type: 'string' },
    json: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '600' },
    slots: { type: 'string', default: 'sqlite' },
  },
})
const [records, faults, seed, repetitions] = [values.records, values.faults, values.seed, values.repetitions].map(
  Number,
)
const say = (line: string): void => void process.stderr.write(`${line}\n`)
const stores = STORES.filter(store => values.store.includes(store))
if (values.source === 'idempotency' && isWhole(repetitions, 1) && stores.length === new Set(values.store).size) {
  const reports = await killStores(stores, repetitions, say)
  for (const each of reports) process.stdout.write(values.json ? `${JSON.stringify(each)}\n` : `${text(each)}\n`)
  process.exit(reports.every(({ ok }) => ok) ? 0 : 1)
}
const { slots } = values
if (values.source === 'cron' && (slots === 'sqlite' || slots === 'postgres' || slots === 'redis')) {
  const judged = await runCronChaos({ slots, seconds: Number(values.seconds), seed: Number(values.seed), say })
  process.stdout.write(values.json ? `${JSON.stringify(judged)}\n` : text(judged))
  process.exit(judged.ok ? 0 : 1)
}
if ((values.replay === 'kafka' || values.replay === 'rabbitmq') && isWhole(records, 1) && isWhole(faults, 0)) {
  const replayed = await replayChaos(values.replay, records, faults)
  process.stdout.write(values.json ? `${JSON.stringify(replayed)}\n` : text(replayed))
  process.exit(replayed.ok ? 0 : 1)
}
const killEveryMs = Number(values['kill-every'])
if (values.source === 'http' && isWhole(records, 1) && isWhole(seed, 0) && isWhole(killEveryMs, 100)) {
  const judged = await runHttpChaos({ records, killEveryMs, seed, say })
  process.stdout.write(values.json ? `${JSON.stringify(judged)}\n` : text(judged))
  process.exit(judged.ok ? 0 : 1)
}
const openArena = ARENAS[values.source]
if (openArena === undefined || !isWhole(records, 1) || !isWhole(faults, 0) || !isWhole(seed, 0)) {
  process.stderr.write(
    `usage: npm run chaos -- --replay kafka|rabbitmq or --source ${Object.keys(ARENAS).join('|')}|idempotency|cron|http [--records 1 or more] [--faults 0 or more] [--seed 0 or more] [--repetitions 1 or more] [--store ${STORES.join('|')}]… [--slots sqlite|postgres|redis] [--seconds 1 or more] [--kill-every 100 or more] [--json]\n`,
  )
  process.exit(2)
}
const report = await runChaos({ source: values.source, openArena, records, faults, seed, say })
process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : text(report))
process.exitCode = report.ok ? 0 : 1

function isWhole(value: number | undefined, least: number): value is number {
  return Number.isSafeInteger(value) && (value ?? least - 1) >= least
}

function text(all: ChaosReport | IdempotencyReport | CronChaosReport | ReplayReport | HttpChaosReport): string {
  return Object.entries(all)
    .map(
      ([name, value]) =>
        `${name.padEnd(18)} ${Array.isArray(value) ? value.join(', ') : typeof value === 'object' ? JSON.stringify(value) : value}\n`,
    )
    .join('')
}
