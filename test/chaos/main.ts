/**
 * `npm run chaos -- --source kafka [--records 100000]`: faults while records are processed by whole apps. What happens is
 * told on stderr; stdout gets one line of JSON. Exits 1 when a record was lost, invented or tried out of order.
 */
import { parseArgs } from 'node:util'
import { runKafkaChaos } from './kafka.ts'

const { values } = parseArgs({
  options: { source: { type: 'string', default: 'kafka' }, records: { type: 'string', default: '100000' } },
})
const records = Number(values.records)
if (values.source !== 'kafka' || !Number.isSafeInteger(records) || records < 1) {
  process.stderr.write('chaos: --source must be kafka, --records a whole number of 1 or more\n')
  process.exit(2)
}
const report = await runKafkaChaos(records, line => process.stderr.write(`${line}\n`))
process.stdout.write(`${JSON.stringify(report)}\n`)
process.exitCode = report.ok ? 0 : 1
