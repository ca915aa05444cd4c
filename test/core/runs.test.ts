import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { openDatabase } from '../../core/database.ts'
import { ownerToText, thisProcess } from '../../core/owner.ts'
import { beginRun } from '../../core/runs.ts'
import { createVirtualClock } from '../../core/testing/virtual-clock.ts'
import { temporaryFolder } from '../support/folder.ts'

const setUp = async (context: TestContext) => {
  const database = openDatabase(await temporaryFolder(context))
  context.after(() => database.close())
  const clock = createVirtualClock()
  let deaths = 0
  /** As if the process that holds the row had been killed: its boot is over. */
  const crash = async (): Promise<void> => {
    deaths += 1
    const dead = ownerToText({ ...thisProcess(), id: `dead-${deaths}`, bootId: 'an earlier boot' })
    await database.write(() =>
      database.sql('UPDATE runs SET owner = ? WHERE owner = ?').run(dead, ownerToText(thisProcess())),
    )
  }
  return { clock, crash, begin: () => beginRun(database, clock, 'shop') }
}

test('runs that end without stopping are counted in a row', async context => {
  const { begin, crash } = await setUp(context)
  for (const expected of [0, 1, 2, 3]) {
    assert.equal((await begin()).crashes, expected)
    await crash()
  }
})

test('a clean stop ends the row', async context => {
  const { begin, crash } = await setUp(context)
  await begin()
  await crash()
  const run = await begin()
  await run.end()
  assert.equal((await begin()).crashes, 0)
})

test('a crash after ten minutes begins a row of its own', async context => {
  const { begin, crash, clock } = await setUp(context)
  await begin()
  await crash()
  await begin()
  clock.advance(600_001)
  await crash()
  assert.equal((await begin()).crashes, 1)
})
