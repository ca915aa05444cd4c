/** `npm run bench -- <name…> [--rounds 5] [--json]`: measures, beside the raw limit, in one run. */
import { parseArgs } from 'node:util'
import { kafka } from './brokers/kafka/bench.ts'
import { rabbitmq } from './brokers/rabbitmq/bench.ts'
import { redis } from './brokers/redis/bench.ts'
import type { Bench, Result } from './contestant.ts'
import { deadLetters } from './dlq/bench.ts'
import { measureFinding } from './dlq/find.ts'
import { embedded } from './embedded/bench.ts'
import { engine } from './engine/benches.ts'
import { filter } from './filter/bench.ts'
import { flow } from './flow/bench.ts'
import { http } from './http/bench.ts'
import { idempotency } from './idempotency/bench.ts'
import { invoke } from './invoke/bench.ts'
import { measureLimits } from './limits/measure.ts'
import type { Measured } from './measured.ts'
import { runBench } from './run.ts'

const BENCHES: readonly Bench[] = [
  ...deadLetters,
  embedded,
  ...engine,
  filter,
  ...idempotency,
  flow,
  ...http,
  invoke,
  kafka,
  rabbitmq,
  redis,
]
const isNamed = (bench: Bench, name: string): boolean => bench.name === name || bench.name.startsWith(`${name}/`)

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    letters: { type: 'string', default: '1000000' },
  },
})
const rounds = Number(values.rounds)
const LIMITS = 'limits'
const FIND = 'dlq/find'
const NAMES = [...BENCHES.map(bench => bench.name), FIND, LIMITS]
const chosen = BENCHES.filter(bench => positionals.length === 0 || positionals.some(name => isNamed(bench, name)))
const unknown = positionals.filter(
  name => name !== LIMITS && name !== FIND && !BENCHES.some(bench => isNamed(bench, name)),
)
if (unknown.length > 0 || !Number.isInteger(rounds) || rounds < 5) {
  process.stderr.write(
    `usage: npm run bench -- [${NAMES.join(' | ')}]… [--rounds 5 or more] [--letters 1000000] [--json]\n`,
  )
  process.exit(2)
}

for (const bench of chosen) {
  const results = await runBench(bench, rounds, text => process.stderr.write(`${text}\n`))
  if (values.json) for (const result of results) process.stdout.write(`${JSON.stringify(result)}\n`)
  else process.stdout.write(table(results))
}

if (positionals.length === 0 || positionals.includes(LIMITS)) {
  show(LIMITS, await measureLimits(text => process.stderr.write(`${text}\n`)))
}
if (positionals.length === 0 || positionals.some(name => name === FIND || FIND.startsWith(`${name}/`)))
  show(FIND, await measureFinding(Number(values.letters), text => process.stderr.write(`${text}\n`)))

function show(name: string, measured: readonly Measured[]): void {
  if (values.json) for (const each of measured) process.stdout.write(`${JSON.stringify(each)}\n`)
  else process.stdout.write(promises(name, measured))
}

function promises(name: string, measured: readonly Measured[]): string {
  const rows = measured.map(({ what, p50, p99, unit, bound, holds }) => [
    what,
    String(p50),
    String(p99),
    unit,
    `${bound}${holds ? '' : ' BROKEN'}`,
  ])
  return aligned([[name, 'p50', 'p99', '', 'promised'], ...rows])
}

function table(results: readonly Result[]): string {
  const rows = results.map(({ contestant, median, min, max, ratio, ratioMin, ratioMax, aim }) => [
    contestant,
    String(median),
    `${min}–${max}`,
    ratio.toFixed(2),
    `${ratioMin.toFixed(2)}–${ratioMax.toFixed(2)}`,
    aim ? `${aim.is === 'at most' ? '≤' : '≥'} ${aim.ratio} ${aim.met ? 'yes' : 'NO'}` : '',
  ])
  const head = [`${results[0]?.bench}: ${results[0]?.unit}`, 'median', 'min–max', 'ratio', 'of rounds', 'aim']
  return aligned([head, ...rows])
}

function aligned(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)))
  const lines = rows.map(row =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  '),
  )
  return `${lines.join('\n')}\n\n`
}
