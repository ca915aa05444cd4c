/**
 * Simulates mappings over many seeds; ends with 1 when one of them broke a promise.
 *
 *   node test/simulation/main.ts --seeds 1000 [--from 1]
 *   node test/simulation/main.ts --seed 17 --trace
 */
import { parseArgs } from 'node:util'
import { drawScenario } from './scenario.ts'
import { failureText, simulate } from './simulate.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
  },
})
const print = (text: string): void => void process.stdout.write(`${text}\n`)

const first = Number(values.seed ?? values.from)
const count = values.seed === undefined ? Number(values.seeds) : 1
let failed = 0
let invocations = 0
for (let seed = first; seed < first + count; seed += 1) {
  const result = await simulate(seed)
  invocations += result.invocations
  if (values.trace) {
    const { records, ...scenario } = drawScenario(seed)
    print(JSON.stringify(scenario, undefined, 1))
    for (const record of records) print(JSON.stringify(record))
    for (const line of result.lines) print(line)
  }
  if (result.violations.length === 0) continue
  failed += 1
  print(failureText(seed, result))
}
print(`${count} seeds, ${failed} failed, ${invocations} records were invoked, in ${Math.round(process.uptime())} s`)
process.exitCode = failed > 0 ? 1 : 0
