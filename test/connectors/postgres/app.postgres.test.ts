/** An outbox in an app: through a kill -9 of the server, with retries, dead letters and a replay. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createApp, NotRetryable, onRecord } from 'millrace'
import { postgres } from 'millrace/postgres'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { until } from '../../support/until.ts'
import { rawClient } from './opened.ts'

const server = sharedBroker('postgres')

test('an app loses no row to a kill -9 of the server, keeps keys in order, parks what cannot be done and replays it', {
  skip: server.missingOwn,
  timeout: 120_000,
}, async context => {
  const broker = await server.own()
  const events = postgres('shop', { url: broker.url }).outbox<{ number: number }>('events', { createTable: true })
  const done = new Map<string, number[]>()
  let isMended: 'yes' | 'no' = 'no'
  const handler = onRecord(events, async ({ key, data, attempt }) => {
    if (data.number === 7 && attempt === 1) throw new Error('once')
    if (data.number === 13 && isMended === 'no') throw new NotRetryable('not before it is mended')
    done.set(String(key), [...(done.get(String(key)) ?? []), data.number])
  })
  const app = createApp({
    name: 'app',
    stateDir: await temporaryFolder(context),
    functions: {},
    mappings: { work: { source: events, function: handler, backoff: { initial: '20ms' }, batchSize: 10 } },
  })
  await app.start()
  try {
    const raw = await rawClient(context, broker.url)
    const write = (client: typeof raw, from: number, to: number) =>
      client.query(
        `INSERT INTO events (key, data) SELECT 'k' || n % 10, json_build_object('number', n)
         FROM generate_series($1::integer, $2) n`,
        [from, to],
      )
    await write(raw, 0, 299)
    await until('some are done', () => done.size > 0)
    await broker.restart('SIGKILL')
    await write(await rawClient(context, broker.url), 300, 599)
    const count = () => new Set([...done.values()].flat()).size
    await until('all but one are done', () => count() === 599, { timeoutMs: 60_000 })
    const [letter] = await until('that one is a dead letter', async () => {
      const letters = await app.deadLetters.list()
      return letters.length === 1 && letters
    })
    assert.equal(letter?.reason, 'not-retryable')
    for (const [key, numbers] of done) {
      const firsts = [...new Set(numbers)]
      assert.deepEqual(
        firsts,
        firsts.toSorted((one, other) => one - other),
        `${key} is in order`,
      )
    }
    isMended = 'yes'
    await app.deadLetters.replay({ ids: [letter?.id ?? ''] })
    await until('it is done', () => count() === 600)
  } finally {
    await app.stop()
  }
  const left = await (await rawClient(context, broker.url)).query('SELECT 1 FROM events')
  assert.deepEqual(left.rows, [])
})
