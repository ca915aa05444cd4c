import assert from 'node:assert/strict'
import { test } from 'node:test'
import { temporaryFolder } from '../support/folder.ts'
import { done, lettersIn, rememberedAttempts, sendJobs, startKiller } from '../support/killer.ts'
import { until } from '../support/until.ts'
import { jobs, log } from './killer/channels.ts'

/** Three lives in which it is a neighbour among others, three in which it is tried alone, and some for the machine. */
const LIVES = 12

for (const channel of [jobs, log])
  test(`a record that kills the process is found and parked, and its neighbours are processed: ${channel.address}`, {
    timeout: 120_000,
  }, async context => {
    const stateDir = await temporaryFolder(context)
    await sendJobs(
      stateDir,
      channel,
      Array.from({ length: 30 }, (_, index) => (index === 13 ? 'kills the host' : 'is fine')),
    )
    let lives = 0
    for (let parked = false; !parked && lives < LIVES; lives += 1) {
      const app = startKiller(context, stateDir)
      let over = false
      void app.ended.then(() => {
        over = true
      })
      parked = await until('the process ends or the record is parked', async () =>
        (await lettersIn(stateDir)).length > 0 ? 'parked' : over ? 'ended' : undefined,
      ).then(what => what === 'parked')
      if (parked) await until('its neighbours are processed', () => new Set(done(stateDir)).size >= 29)
      app.kill('SIGTERM')
      await app.ended
    }
    const neighbours = Array.from({ length: 30 }, (_, index) => `job-${index}`).filter(id => id !== 'job-13')
    assert.deepEqual(
      done(stateDir)
        .filter((id, index, all) => all.indexOf(id) === index)
        .toSorted(),
      neighbours.toSorted(),
    )
    assert.deepEqual(
      (await lettersIn(stateDir)).map(({ recordId, reason, attempts }) => ({ recordId, reason, attempts })),
      [{ recordId: 'job-13', reason: 'crashed', attempts: 3 }],
    )
  })

test('attempts survive kill -9 in the middle of a back-off', { timeout: 180_000 }, async context => {
  const stateDir = await temporaryFolder(context)
  await sendJobs(stateDir, jobs, ['fails'])
  for (const attempt of [1, 2, 3]) {
    const app = startKiller(context, stateDir)
    await until(`attempt ${attempt} was made`, () => done(stateDir).length === attempt)
    if (attempt < 3) await until('it is on disk', () => rememberedAttempts(stateDir) === attempt)
    else await until('it is parked', async () => (await lettersIn(stateDir)).length === 1)
    app.kill('SIGKILL')
    await app.ended
  }
  assert.deepEqual(done(stateDir), ['failed 1', 'failed 2', 'failed 3'])
  assert.deepEqual(
    (await lettersIn(stateDir)).map(({ reason, attempts }) => [reason, attempts]),
    [['exhausted', 3]],
  )
})
