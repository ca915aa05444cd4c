/**
 * Runs test files with node:test and ends with one line, `N passed, N failed, N skipped`; fails when a test did.
 *
 *   node test/run.ts                 everything
 *   node test/run.ts --fast          what needs no whole app, no install, no crash and no broker
 *   node test/run.ts test/dlq …      what lies below these paths
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { brokersFor, provideBrokers } from './brokers.ts'

const SLOW = /^test\/(e2e|crash|examples|publish)\/|\.(kafka|postgres|rabbitmq|redis|brokers)\.test\.ts$/
const FILE_TIMEOUT_MS = 300_000
/** Most of a test's time is waiting for brokers, processes and timeouts: more files at once than there are cores. */
const FILES_AT_ONCE = 4

const filesFor = (args: readonly string[]): readonly string[] => {
  const all = readdirSync('test', { recursive: true, encoding: 'utf8' })
    .map(name => join('test', name))
    .filter(path => path.endsWith('.test.ts'))
    .sort()
  const below = args.filter(arg => !arg.startsWith('-'))
  return all
    .filter(path => below.length === 0 || below.some(start => path.startsWith(start)))
    .filter(path => !args.includes('--fast') || !SLOW.test(path))
}

const files = filesFor(process.argv.slice(2))
if (files.length === 0) {
  process.stderr.write('no test file is there; give paths that begin with test/\n')
  process.exit(1)
}

const brokers = await provideBrokers(brokersFor(files))
const counts = { passed: 0, failed: 0, skipped: 0, wanting: 0 }
const results = run({ files: [...files], concurrency: FILES_AT_ONCE, timeout: FILE_TIMEOUT_MS })
results.on('test:summary', ({ file, counts: seen }) => {
  if (file !== undefined) return
  counts.passed = seen.passed
  counts.failed = seen.tests - seen.passed - seen.skipped - seen.todo
  counts.skipped = seen.skipped + seen.todo
})
results.on('test:pass', ({ skip }) => {
  if (brokers.isWant(skip)) counts.wanting += 1
})
const report = results.compose(spec)
report.pipe(process.stdout, { end: false })
report.on('end', async () => {
  await brokers.close()
  process.stdout.write(`── brokers used: ${brokers.summary}\n`)
  if (counts.wanting > 0) process.stdout.write(`── for want of a broker: ${counts.wanting} tests skipped\n`)
  process.stdout.write(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`)
  process.exitCode = counts.failed > 0 ? 1 : 0
})
