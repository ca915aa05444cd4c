import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Report } from '../../../core/engine/contract.ts'
import { createInitPause } from '../../../core/engine/init-pause.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { until } from '../../support/until.ts'
import { harness, invocation, invoked, outcomeAs } from './harness.ts'

test('the pause grows from a quarter of a second to ten, and ends with a start that succeeds', () => {
  let nowMs = 0
  const pause = createInitPause({ monotonic: () => nowMs })
  const problem = { name: 'E', message: 'm' }
  assert.equal(pause.problem(), undefined)
  const pauses = Array.from({ length: 8 }, () => {
    pause.note(problem)
    pause.note(problem)
    const fromMs = nowMs
    while (pause.problem()) nowMs += 1
    return nowMs - fromMs
  })
  assert.deepEqual(pauses, [250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000])
  pause.note(problem)
  assert.equal(pause.problem()?.name, 'E')
  while (pause.problem()) nowMs += 1
  pause.note(undefined)
  assert.equal(pause.problem(), undefined)
})

test('a direct caller is told why the last start failed, without another one; a mapping starts it', async context => {
  const mended = join(await temporaryFolder(context), 'mended')
  const source = `import { existsSync } from 'node:fs'
    if (!existsSync(${JSON.stringify(mended)})) throw new Error('no database')
    export const handler = () => 'ready'`
  const { engine, run } = await harness(context, { f: { source } })
  const direct = async (): Promise<Report> => {
    const slot = engine.tryAcquire('f')
    if ('throttled' in slot) throw new Error(slot.message)
    return slot.invoke(invocation([invoked('{}', 0)]))
  }
  assert.match(outcomeAs(await direct(), 'not-ready').error.message, /no database/)
  const again = await direct()
  assert.match(outcomeAs(again, 'not-ready').error.message, /no database.*not tried again for \d+ ms/)
  assert.deepEqual([engine.stats('f').coldStarts, engine.stats('f').busy, again.cold], [1, 0, false])
  outcomeAs(await run('f'), 'not-ready')
  assert.equal(engine.stats('f').coldStarts, 2)
  await writeFile(mended, '')
  await until('it works', async () => (await direct()).outcome.kind === 'answered')
  assert.equal(outcomeAs(await direct(), 'answered').value, 'ready')
})
