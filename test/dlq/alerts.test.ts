import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { validateConfig } from '../../core/config/validate.ts'
import { openMemoryDatabase } from '../../core/database.ts'
import type { Alert } from '../../core/dead-letters.ts'
import { defineConfig, embedded } from '../../core/index.ts'
import { alertsOf } from '../../core/letter-alerts.ts'
import { type Log, silentLog } from '../../core/log.ts'
import { testApp } from '../../core/testing/test-app.ts'
import { createVirtualClock } from '../../core/testing/virtual-clock.ts'
import { type AlertRule, createAlerts } from '../../dlq/alerts.ts'
import { openSqliteStore } from '../../dlq/sqlite/store.ts'
import { fullRecord, letterFor } from '../support/letters.ts'
import { until } from '../support/until.ts'

const DAY_MS = 24 * 3_600_000

const opened = (context: TestContext, rule: Partial<AlertRule>, log: Log = silentLog) => {
  const database = openMemoryDatabase()
  const clock = createVirtualClock()
  const store = openSqliteStore(database, { clock })
  const sent: Alert[] = []
  const send = async (alert: Alert) => void sent.push(alert)
  const rules = () => [{ send, newFailure: false, ...rule }]
  const all = [1, 2].map(() => createAlerts(store, { app: 'shop', clock, log, rules }))
  context.after(async () => {
    await Promise.all(all.map(alerts => alerts.stop()))
    await database.close()
  })
  for (const alerts of all) alerts.start()
  let number = 0
  const park = (message: string, more: object = {}) =>
    store.park([
      letterFor(fullRecord(`${number++}`), { error: { name: 'E', message }, parkedAt: clock.now(), ...more }),
    ])
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 1_000) {
      clock.advance(1_000)
      for (let turns = 0; turns < 5; turns += 1) await new Promise(resolve => setImmediate(resolve))
    }
  }
  return { store, clock, sent, park, pass }
}

test('a failure that is new is told once, by one of the processes', async context => {
  const { sent, park, pass } = opened(context, { newFailure: true })
  await park('order 7 is gone')
  await pass(20_000)
  await park('order 8 is gone')
  await park('no answer')
  await pass(20_000)
  assert.deepEqual(
    sent.map(alert => (alert.alert === 'new failure' ? [alert.errorMessage, alert.letters, alert.app] : alert)),
    [
      ['order 7 is gone', 1, 'shop'],
      ['no answer', 1, 'shop'],
    ],
  )
})

test('more letters than there should be are told once in their time', async context => {
  const { sent, park, pass } = opened(context, { rate: { letters: 3, withinMs: 60_000 } })
  for (const message of ['a', 'b']) await park(message)
  await pass(20_000)
  assert.deepEqual(sent, [])
  await park('c')
  await pass(20_000)
  assert.deepEqual(
    sent.map(({ alert }) => alert),
    ['rate'],
  )
  await pass(300_000)
  assert.equal(sent.length, 1)
})

test('the oldest that waits for too long is told once a day', async context => {
  const { sent, park, pass, store, clock } = opened(context, { olderThanMs: DAY_MS })
  await park('a')
  await pass(20_000)
  assert.deepEqual(sent, [])
  clock.advance(DAY_MS)
  await pass(30_000)
  assert.deepEqual(
    sent.map(({ alert }) => alert),
    ['age'],
  )
  await store.archive({ filter: {} }, { operator: '', reason: '' })
  clock.advance(DAY_MS)
  await pass(30_000)
  assert.equal(sent.length, 1)
})

test('an alert that cannot be sent is tried again, then logged, and is no dead letter', async context => {
  const said: string[] = []
  const log: Log = { ...silentLog, error: message => void said.push(message) }
  let tries = 0
  const send = async () => {
    tries += 1
    throw new Error('no')
  }
  const { store, park, pass } = opened(context, { newFailure: true, send }, log)
  await park('a')
  await pass(60_000)
  assert.deepEqual([tries, said], [3, ['an alert on dead letters could not be sent']])
  assert.equal((await store.page({ limit: 9 })).letters.length, 1)
})

test('an alert is posted as JSON, and a receiver that refuses it or redirects is asked again', async context => {
  const got: { readonly type: string | undefined; readonly body: string }[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', piece => {
      body += piece
    })
    request.on('end', () => {
      got.push({ type: request.headers['content-type'], body })
      response.writeHead([500, 302][got.length - 1] ?? 204, { location: '/elsewhere' }).end()
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  context.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const validation = validateConfig({
    name: 'shop',
    mappings: { charge: { source: embedded().queue('orders'), function: async () => {} } },
    deadLetters: { alerts: { to: `http://127.0.0.1:${port}/hook`, rate: '100/5m' } },
  })
  assert.ok(validation.ok)
  const database = openMemoryDatabase()
  const clock = createVirtualClock()
  const store = openSqliteStore(database, { clock })
  const alerts = alertsOf(store, { clock, log: silentLog, secrets: {}, config: () => validation.config })
  context.after(async () => {
    await alerts.stop()
    await database.close()
  })
  await store.park([letterFor(fullRecord('1'), { parkedAt: clock.now() })])
  alerts.start()
  await until('it was taken', () => {
    clock.advance(100)
    return got.length === 3
  })
  assert.equal(got[2]?.type, 'application/json')
  assert.equal(JSON.parse(got[2]?.body ?? '').alert, 'new failure')
})

test('what is wrong with alerts is said with its path', () => {
  const problems = (alerts: unknown) => {
    const validation = validateConfig({ name: 'shop', mappings: {}, deadLetters: { alerts } })
    return validation.ok ? [] : validation.problems.map(({ path }) => path)
  }
  assert.deepEqual(problems({}), ['deadLetters.alerts.to'])
  assert.deepEqual(problems([{ to: 'ftp://x' }, { to: 'http://x', rate: '5' }]), [
    'deadLetters.alerts[0].to',
    'deadLetters.alerts[1].rate',
  ])
  assert.deepEqual(problems({ to: () => {}, olderThan: '1s' }), ['deadLetters.alerts.olderThan'])
})

test('an app tells of its dead letters while it runs', async context => {
  const told: Alert[] = []
  const orders = embedded().queue('orders')
  const app = await testApp(
    defineConfig({
      name: 'shop',
      deadLetters: { alerts: { to: alert => void told.push(alert) } },
      mappings: {
        charge: {
          source: orders,
          maxAttempts: 1,
          function: async () => {
            throw new Error('no')
          },
        },
      },
    }),
  )
  context.after(() => app.stop())
  await app.send(orders, [{ data: 1 }])
  await app.idle()
  await app.advance(15_000)
  assert.deepEqual(
    told.map(({ alert, app: name }) => [alert, name]),
    [['new failure', 'shop']],
  )
})
