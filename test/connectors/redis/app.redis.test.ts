/** Whole apps on the real server: bodies that nobody can read, dead letters that nobody takes, stops at a bad moment. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { Redis } from 'ioredis'
import { createApp, defineConfig, type Log, type MappingConfig, onRecord } from 'millrace'
import { redis as connection } from 'millrace/redis'
import { logTo, silentLog } from '../../../core/log.ts'
import { freePort } from '../../support/brokers/ports.ts'
import { startRedis } from '../../support/brokers/redis.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { openProxy } from '../../support/proxy.ts'
import { until } from '../../support/until.ts'

const redis = sharedBroker('redis')
const skip = redis.missing

interface Tried {
  readonly id: string
  readonly attempt: number
  readonly signal: AbortSignal
}

interface Plan {
  /** Throwing fails the record. */
  readonly work?: (tried: Tried) => Promise<void> | void
  readonly mapping?: Omit<MappingConfig, 'source' | 'function'>
  readonly exclusive?: boolean
  /** Default: that nothing is said. */
  readonly log?: Log
  /** Default: waited for. */
  readonly start?: 'waited for' | 'begun'
}

/** A stream on the server behind `port`, and apps that read it, each as on a machine of its own. */
const openPlace = async (context: TestContext, url: string, port = Number(new URL(url).port)) => {
  const raw = new Redis(url)
  raw.on('error', () => {})
  context.after(async () => raw.disconnect())
  const name = `app-${randomUUID()}`
  const shop = connection('shop', { host: '127.0.0.1', port })
  return {
    raw,
    name,
    dead: shop.list(`${name}-dead`),
    publish: async (...bodies: readonly (string | Buffer)[]) => {
      for (const body of bodies) await raw.xadd(name, '*', 'body', body)
    },
    pending: async () => Number(((await raw.xpending(name, 'app')) as [number])[0]),
    async run({ work, mapping, exclusive, log = silentLog, start = 'waited for' }: Plan = {}) {
      const stream = shop.stream<{ id: string }>(name, {
        field: 'body',
        claimTimeout: '2s',
        exclusive: exclusive ?? false,
      })
      const tried: Tried[] = []
      const handler = onRecord(stream, async ({ data, attempt }, { signal }) => {
        const now = { id: data.id, attempt, signal }
        tried.push(now)
        await work?.(now)
      })
      const stateDir = await temporaryFolder(context)
      const mappings = { work: { ...mapping, source: stream.read({ group: 'app' }), function: handler } }
      const app = createApp(defineConfig({ name: 'app', stateDir, mappings }), { log })
      context.after(() => app.stop())
      const starting = app.start()
      if (start === 'waited for') await starting
      return { app, tried, starting }
    },
  }
}

const job = (id: string): string => JSON.stringify({ id })

test('bodies that are no JSON, or no text at all, become dead letters, and what follows is read', {
  skip,
}, async context => {
  const { publish, pending, run, raw, name } = await openPlace(context, (await redis.address()).url)
  const bad = ['{"id":', '', 'NaN', Buffer.from([0xff, 0xfe, 0x22]), '['.repeat(50_000)]
  await publish(job('good'), ...bad, job('good'))
  const { app, tried } = await run()
  await until('all are read', () => app.status().mappings[0]?.counts.received === bad.length + 2)
  await until('all are settled', async () => (await pending()) === 0)
  assert.deepEqual(
    tried.map(({ id }) => id),
    ['good', 'good'],
  )
  const letters = await app.deadLetters.list()
  assert.deepEqual(
    letters.map(({ reason }) => reason),
    bad.map(() => 'undecodable'),
  )
  const bodies = await Promise.all(letters.map(async ({ id }) => (await app.deadLetters.show(id)).letter.record.body))
  assert.deepEqual(
    bodies.map(body => Buffer.from(body ?? []).toString('hex')).toSorted(),
    bad.map(body => Buffer.from(body).toString('hex')).toSorted(),
    'byte for byte',
  )
  assert.equal(await raw.xlen(name), bad.length + 2)
})

test('a record stays pending while its dead letters are refused, and is settled once they are taken', {
  skip,
}, async context => {
  const { publish, pending, run, raw, name, dead } = await openPlace(context, (await redis.address()).url)
  await raw.set(dead.name, 'a string, so that no list can be')
  await publish(job('poison'), job('good'))
  const work = ({ id }: Tried): void => {
    if (id === 'poison') throw new Error('cannot be done')
  }
  const { app } = await run({ work, mapping: { maxAttempts: 1, deadLetters: { to: dead } } })
  await until('it has been refused', () => JSON.stringify(app.status()).includes(dead.name))
  await until('the other one is settled', async () => (await pending()) === 1)
  await raw.del(dead.name)
  await until('both are settled', async () => (await pending()) === 0, { timeoutMs: 60_000 })
  assert.deepEqual(await raw.lrange(dead.name, 0, -1), [job('poison')])
  assert.equal(await raw.xlen(name), 2)
})

test('a server that is absent at the start is waited for, said so, and then read', {
  skip: redis.missingOwn,
}, async context => {
  const port = await freePort()
  const url = `redis://127.0.0.1:${port}`
  const { publish, run } = await openPlace(context, url)
  const lines: string[] = []
  const log = logTo((level, message) => lines.push(`${level} ${message}`))
  const { app, tried, starting } = await run({ log, start: 'begun' })
  await until('the log says so', () => lines.includes('warn shop: no connection to Redis; it is tried again'))
  assert.equal(app.status().ready, false)
  await startRedis(context, { port })
  await starting
  await until('it is ready', () => app.status().ready)
  assert.ok(lines.includes('info shop: connected to Redis again'))
  await publish(job('at last'))
  await until('it is read', () => tried.some(({ id }) => id === 'at last'))
})

test('a stop while the connection is away ends in time, and what was claimed is processed by another', {
  skip,
}, async context => {
  const { url } = await redis.address()
  const proxy = await openProxy(context, { to: Number(new URL(url).port) })
  const behind = await openPlace(context, url, proxy.port)
  const { publish, pending, run } = behind
  let goOn = (): void => {}
  const held = new Promise<void>(resolve => {
    goOn = resolve
  })
  const first = await run({ work: () => held, mapping: { drainTimeout: '2s' } })
  await publish(job('a'))
  await until('its function runs', () => first.tried.length === 1)
  await proxy.down()
  goOn()
  await first.app.stop()
  assert.equal(first.app.status().state, 'stopped')
  await proxy.up()
  assert.equal(await pending(), 1, 'Redis could not be told')
  const second = await run()
  await until('another has it', () => second.tried.length === 1)
  await until('it is settled', async () => (await pending()) === 0)
})

for (const exclusive of [false, true])
  test(`a stop waits for the function that runs; nothing of it comes again, what waits goes to another${exclusive ? ' in order' : ''}`, {
    skip,
  }, async context => {
    const { publish, pending, run } = await openPlace(context, (await redis.address()).url)
    let goOn = (): void => {}
    const held = new Promise<void>(resolve => {
      goOn = resolve
    })
    const mapping = { batchSize: 2, maxConcurrency: 1 } as const
    const first = await run({ exclusive, mapping, work: () => held })
    await publish(...['a', 'b', 'c', 'd'].map(job))
    await until('its function runs', () => first.tried.length > 0)
    const second = await run({ exclusive, mapping })
    const stopping = first.app.stop()
    goOn()
    await stopping
    await until('all is processed', () => first.tried.length + second.tried.length >= 4)
    await until('all is settled', async () => (await pending()) === 0)
    assert.deepEqual([...first.tried, ...second.tried].map(({ id }) => id).toSorted(), ['a', 'b', 'c', 'd'])
    if (exclusive)
      assert.deepEqual(
        [...first.tried, ...second.tried].map(({ id }) => id),
        ['a', 'b', 'c', 'd'],
      )
  })

test('ten deploys on ten machines during the back-off of a failing record: each try counts, and it is parked', {
  skip,
  timeout: 60_000,
}, async context => {
  const { publish, pending, run } = await openPlace(context, (await redis.address()).url)
  await publish(job('failing'))
  const work = (): void => {
    throw new Error('it always fails')
  }
  const mapping = { maxAttempts: 8, backoff: { initial: '300ms', max: '300ms', jitter: 'none' } } as const
  const attempts: number[] = []
  for (let deploy = 0; deploy < 10; deploy += 1) {
    const { app, tried } = await run({ work, mapping })
    if (deploy < 7) await until('it is tried', () => tried.length > 0)
    await app.stop()
    attempts.push(...tried.map(({ attempt }) => attempt))
  }
  const { app, tried } = await run({ work, mapping })
  await until('it is settled', async () => (await pending()) === 0)
  attempts.push(...tried.map(({ attempt }) => attempt))
  assert.deepEqual(attempts, [1, 2, 3, 4, 5, 6, 7, 8])
  await app.stop()
})
