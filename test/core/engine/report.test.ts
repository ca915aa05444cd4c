import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Report } from '../../../core/engine/contract.ts'
import { endLines, startLine } from '../../../core/engine/report-lines.ts'
import { createUsageMeter, gbSeconds } from '../../../core/engine/usage.ts'
import { harness } from './harness.ts'

const REPORT: Report = {
  outcome: { kind: 'answered', value: undefined, refused: [] },
  environment: 'e',
  version: 'v1',
  cold: false,
  durationMs: 133.614,
  billedMs: 134,
  gbSeconds: 0.067,
  memoryMb: 512,
  maxMemoryMb: 80.2,
  logs: [],
}

test('the lines are those of Lambda', () => {
  assert.equal(startLine('r', 'v1'), 'START RequestId: r Version: v1')
  const lines = endLines('r', { ...REPORT, cold: true, initMs: 80, billedMs: 214 })
  assert.deepEqual(lines, [
    'END RequestId: r',
    'REPORT RequestId: r\tDuration: 133.61 ms\tBilled Duration: 214 ms\tMemory Size: 512 MB\tMax Memory Used: 81 MB\tInit Duration: 80.00 ms',
  ])
})

for (const [outcome, tail] of [
  [{ kind: 'aborted' }, 'Status: aborted'],
  [{ kind: 'failed', error: { name: 'E', message: 'm' }, refused: [] }, 'Status: error\tError Type: E'],
  [
    { kind: 'failed', error: { name: 'FunctionTimeout', code: 'FUNCTION_TIMEOUT', message: 'm' }, refused: [] },
    'Status: timeout',
  ],
] as const satisfies readonly (readonly [Report['outcome'], string])[])
  test(`what did not answer says so: ${tail.replace('\t', ', ')}`, () => {
    const [, line] = endLines('r', { ...REPORT, outcome })
    assert.ok(line?.endsWith(`\t${tail}`), line)
  })

test('a function is billed by the millisecond and the megabyte', () => {
  assert.equal(gbSeconds(1_000, 1_024), 1)
  const meter = createUsageMeter()
  for (let request = 0; request < 1_000_000; request += 1) meter.add({ billedMs: 100, gbSeconds: 0.05 })
  const usage = meter.read()
  assert.deepEqual([usage.requests, usage.billedMs, usage.gbSeconds.toFixed(2)], [1_000_000, 100_000_000, '50000.00'])
  assert.equal(usage.estimatedUsd.toFixed(4), (0.2 + 50_000 * 0.0000166667).toFixed(4))
})

test('lines are written when asked for, and usage survives a new version', async context => {
  const source = `export const handler = (_batch, context) => { context.log.info('in between') }`
  const { engine, run, specs, lines } = await harness(context, { f: { source, reportLines: true }, quiet: { source } })
  const report = await run('f')
  assert.equal(report.gbSeconds, gbSeconds(report.billedMs, report.memoryMb))
  const [start, between, end, reported] = lines
  assert.equal(start, `info START RequestId: request-1 Version: ${report.version}`)
  assert.equal(between, 'info in between')
  assert.equal(end, 'info END RequestId: request-1')
  assert.match(reported ?? '', /^info REPORT RequestId: request-1\tDuration: .*\tInit Duration: /)
  await run('quiet')
  assert.equal(lines.length, 5)
  engine.replace(specs.map(spec => ({ ...spec, env: { NEW: '1' } })))
  await run('f')
  assert.equal(engine.functions().find(({ name }) => name === 'f')?.usage.requests, 2)
})
