import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { kafka } from '../../connectors/kafka/index.ts'
import { statusText } from '../../core/cli/status.ts'
import { systemClock } from '../../core/clock.ts'
import { createApp, defineConfig, embedded } from '../../core/index.ts'
import { readStatus } from '../../core/status-board.ts'
import { freePort } from '../support/brokers/ports.ts'
import { temporaryFolder } from '../support/folder.ts'
import { until } from '../support/until.ts'

const appOf = async (context: TestContext, brokers: string) => {
  const stateDir = await temporaryFolder(context)
  const local = embedded()
  const handler = async (): Promise<void> => {}
  const config = defineConfig({
    name: 'shop',
    stateDir,
    mappings: {
      charge: { source: kafka('shop', { brokers, connectionTimeout: '1s' }).topic('orders'), function: handler },
      mail: { source: local.queue('mails'), function: handler },
    },
  })
  const app = createApp(config)
  context.after(() => app.stop())
  return { app, stateDir }
}

test('an app whose broker is absent runs its other mappings, is not ready, and says what it waits for', async context => {
  const { app, stateDir } = await appOf(context, `127.0.0.1:${await freePort()}`)
  await app.start()
  assert.deepEqual(
    app.status().mappings.map(({ name, state }) => [name, state]),
    [
      ['charge', 'starting'],
      ['mail', 'running'],
    ],
  )
  assert.deepEqual([app.status().state, app.status().ready], ['running', false])
  const shown = await until('the status is written', async () => {
    const text = statusText(await readStatus(stateDir), { now: systemClock.now(), stateDir })
    return /! charge: waits for shop\/orders since .*: .*cannot be reached/.test(text) && text
  })
  assert.match(shown, /shop\/orders +waits for source/)
  await app.stop()
})

test('an app that is stopped while it starts stays stopped', async context => {
  const { app } = await appOf(context, `127.0.0.1:${await freePort()}`)
  await Promise.all([app.start(), app.stop()])
  assert.deepEqual([app.status().state, app.status().ready], ['stopped', false])
  assert.deepEqual(app.status().mappings, [])
})
