/** A process ends when it has to, whatever it is doing, and costs its host nothing. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { KILL_SHAPES, MEMORY_SHAPES, shapeSource } from '../../../support/shapes.ts'
import { until } from '../../../support/until.ts'
import { harness, outcomeAs } from '../harness.ts'

const TIMEOUT_MS = 200
/** The machine may be busy; what it takes on a quiet one is measured by `npm run bench -- limits`. */
const SLACK_MS = 5_000

const FIFTY = Array.from({ length: 50 }, (_, line) => `line ${line}`)

const running = (pid: number): boolean => {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

test('every shape ends with its timeout, with all it had printed, and its environment is replaced', async context => {
  const shapes = Object.entries(KILL_SHAPES)
  const { run, engine } = await harness(
    context,
    Object.fromEntries(
      shapes.map(([, shape], index) => [
        `f${index}`,
        { source: shapeSource(shape), extension: 'mjs', timeoutMs: TIMEOUT_MS, maxEnvironments: 1 },
      ]),
    ),
  )
  for (const [index, [what]] of shapes.entries())
    await context.test(what, async () => {
      const name = `f${index}`
      const pid = Number(outcomeAs(await run(name, ['{"ok":true}']), 'answered').value)
      const startMs = performance.now()
      const report = await run(name)
      const tookMs = performance.now() - startMs
      const { error } = outcomeAs(report, 'failed')
      assert.equal(error.code, 'FUNCTION_TIMEOUT')
      assert.ok(report.durationMs > TIMEOUT_MS - 2 && tookMs < TIMEOUT_MS + SLACK_MS, `it took ${tookMs} ms`)
      assert.deepEqual(report.logs, FIFTY)
      await until('its process is gone', () => !running(pid))
      assert.equal(engine.stats(name).environments, 0)
      assert.notEqual(outcomeAs(await run(name, ['{"ok":true}']), 'answered').value, pid)
    })
})

test('every shape that uses up memory is stopped there, and its environment is replaced', async context => {
  const shapes = Object.entries(MEMORY_SHAPES)
  const { run } = await harness(
    context,
    Object.fromEntries(
      shapes.map(([, shape], index) => [
        `f${index}`,
        { source: shapeSource(shape), extension: 'mjs', memoryMb: 128, maxEnvironments: 1 },
      ]),
    ),
  )
  for (const [index, [what]] of shapes.entries())
    await context.test(what, async () => {
      const name = `f${index}`
      const report = await run(name)
      const { error } = outcomeAs(report, 'failed')
      assert.equal(error.code, 'FUNCTION_OUT_OF_MEMORY', error.message)
      assert.match(error.message, /more than its memory of 128 MB/)
      assert.ok(report.logs.includes('line 49'), 'its output is kept')
      outcomeAs(await run(name, ['{"ok":true}']), 'answered')
    })
})
