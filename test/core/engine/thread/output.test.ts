/** A thread's own streams would lose what it printed before a loop; the engine's do not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../../../support/until.ts'
import { harness, outcomeAs } from '../harness.ts'

test('all that a thread printed before it looped and was ended is kept, in its order', async context => {
  const { run, lines } = await harness(context, {
    f: {
      isolation: 'thread',
      timeoutMs: 300,
      source: `export const handler = (_, context) => {
        for (let line = 0; line < 50; line++) line % 2 ? console.log('line ' + line) : context.log.info('line ' + line)
        process.stderr.write('half a ')
        process.stderr.write(Buffer.from('line ü'))
        for (;;) {}
      }`,
    },
  })
  const report = await run('f')
  assert.equal(outcomeAs(report, 'failed').error.code, 'FUNCTION_TIMEOUT')
  const printed = Array.from({ length: 50 }, (_, line) => `line ${line}`)
  assert.deepEqual(report.logs.slice(0, 50), printed)
  assert.deepEqual(
    lines.filter(line => line.startsWith('info line')),
    printed.map(line => `info ${line}`),
  )
  await until('what was no whole line is shown at the end', () => lines.includes('warn half a line ü'))
})
