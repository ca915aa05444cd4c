/** Threads that do not end when they are told to: a system call that blocks is one of the ways. */
import assert from 'node:assert/strict'
import { channel } from 'node:diagnostics_channel'
import { test } from 'node:test'
import { until } from '../../../support/until.ts'
import { harness, outcomeAs } from '../harness.ts'

const SLEEPS = `import { execSync } from 'node:child_process'
  export const handler = ([record]) => { if (record.data.sleep) execSync('sleep 4') }`

test('a thread that does not end is reported in time, takes a place, and is told of until it has ended', async context => {
  const events: unknown[] = []
  const see = (event: unknown): void => void events.push(event)
  channel('millrace:wedged').subscribe(see)
  context.after(() => channel('millrace:wedged').unsubscribe(see))
  const { run, engine, lines } = await harness(context, {
    f: { source: SLEEPS, isolation: 'thread', timeoutMs: 200, maxEnvironments: 2 },
  })
  outcomeAs(await run('f'), 'answered')
  const startMs = performance.now()
  const report = await run('f', ['{"sleep":true}'])
  assert.equal(outcomeAs(report, 'failed').error.code, 'FUNCTION_TIMEOUT')
  assert.ok(performance.now() - startMs < 3_500, 'the report does not wait for the thread')
  await until('it is logged', () => lines.some(line => /^error functions\.f: its thread runs on/.test(line)))
  assert.deepEqual(events, [{ function: 'f', environment: report.environment, wedged: 1 }])

  // One of the two places is left.
  const slot = await engine.acquire('f', 'm', new AbortController().signal)
  assert.equal(await engine.acquire('f', 'm', AbortSignal.timeout(50)), undefined)
  slot?.release()
  outcomeAs(await run('f'), 'answered')

  outcomeAs(await run('f', ['{"sleep":true}']), 'failed')
  await until('both are wedged', () => events.length === 2)
  const { error } = outcomeAs(await run('f'), 'not-ready')
  assert.equal(error.code, 'FUNCTION_INIT_FAILED')
  assert.match(error.message, /2 threads of this function run on although they were ended.*isolation: 'process'/)

  await until('they have ended by themselves, and there is room again', async () => {
    const { outcome } = await run('f')
    return outcome.kind === 'answered'
  })
})
