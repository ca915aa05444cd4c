import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { Redis } from 'ioredis'
import { openSubscription } from '../../../connectors/redis/subscription.ts'
import type { Source } from '../../../core/contract.ts'
import { logTo } from '../../../core/log.ts'
import { accept, bodies, nothingMore, numbered, release, request } from '../../../core/testing/contract/reading.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { openProxy } from '../../support/proxy.ts'
import { until } from '../../support/until.ts'
import { channelRef, placeOn } from './place.ts'

const redis = sharedBroker('redis')
const skip = redis.missing

const openTest = async (context: TestContext, options: Readonly<Record<string, unknown>> = {}, suffix = '') => {
  const { url } = await redis.address()
  const raw = new Redis(url)
  raw.on('error', () => {})
  const proxy = await openProxy(context, { to: Number(new URL(url).port) })
  const name = `news-${randomUUID()}`
  const lines: string[] = []
  const log = logTo((level, message) => lines.push(`${level} ${message}`))
  const sources: Source[] = []
  context.after(async () => {
    for (const source of sources) await source.close()
    raw.disconnect()
  })
  return {
    raw,
    name,
    proxy,
    lines,
    async open(connection = {}) {
      const place = await placeOn(context, { host: '127.0.0.1', port: proxy.port, ...connection }, log)
      const source = await openSubscription(place, channelRef('subscription', `${name}${suffix}`, options))
      sources.push(source)
      return source
    },
  }
}

const takeAll = async (source: Source, count: number) => {
  const taken = []
  while (taken.length < count) {
    const found = await source.poll(request({ max: count - taken.length, waitMs: 10_000 }))
    if (found.length === 0) break
    taken.push(...found)
  }
  return taken
}

test('what is published while it listens comes in its order, with any bytes, and the log says at most once', {
  skip,
}, async context => {
  const { open, raw, name, lines } = await openTest(context)
  const source = await open()
  assert.match(lines.join('\n'), /info .*at most once/)
  const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
  await raw.publish(name, everyByte)
  for (const body of numbered(50)) await raw.publish(name, body)
  const [first, ...others] = await takeAll(source, 51)
  assert.deepEqual(first?.record.body, new Uint8Array(everyByte))
  assert.deepEqual(first?.record.position, { channel: name })
  assert.equal(first?.record.idStrength, 'weak')
  assert.deepEqual(bodies(others), numbered(50))
  assert.equal(new Set(others.map(({ record }) => record.id)).size, 50)
})

test('a poll that waits ends with what is published, when it is aborted, and when the source is closed', {
  skip,
}, async context => {
  const { open, raw, name } = await openTest(context)
  const source = await open()
  const polled = source.poll(request({ waitMs: 60_000 }))
  await raw.publish(name, 'one')
  assert.deepEqual(bodies(await polled), ['one'])
  const stop = new AbortController()
  const aborted = source.poll(request({ waitMs: 60_000, signal: stop.signal }))
  stop.abort()
  assert.deepEqual(await aborted, [])
  const closed = source.poll(request({ waitMs: 60_000 }))
  await source.close()
  assert.deepEqual(await closed, [])
})

test('a pattern takes what is published to each channel that matches, and says to which', { skip }, async context => {
  const { open, raw, name } = await openTest(context, { pattern: true }, '.*')
  const source = await open()
  await raw.publish(`${name}.goals`, 'a goal')
  await raw.publish(name, 'matches nothing')
  await raw.publish(`${name}.cards`, 'a card')
  const taken = await takeAll(source, 2)
  assert.deepEqual(
    taken.map(({ record }) => [record.position?.channel, bodies([{ record } as never])[0]]),
    [
      [`${name}.goals`, 'a goal'],
      [`${name}.cards`, 'a card'],
    ],
  )
})

test('each process that listens gets every record', { skip }, async context => {
  const { open, raw, name } = await openTest(context)
  const sources = [await open(), await open()]
  await raw.publish(name, 'for both')
  for (const source of sources) assert.deepEqual(bodies(await takeAll(source, 1)), ['for both'])
})

test('what was released comes again before what is new, with its attempts; what was accepted does not', {
  skip,
}, async context => {
  const { open, raw, name } = await openTest(context)
  const source = await open()
  for (const body of numbered(4)) await raw.publish(name, body)
  const taken = await takeAll(source, 3)
  assert.deepEqual(await source.settle([...accept(taken.slice(0, 1)), ...release(taken.slice(1), 2)]), [])
  assert.deepEqual(await source.settle(release(taken, 9)), [])
  const again = await takeAll(source, 3)
  assert.deepEqual(
    again.map(each => [bodies([each])[0], each.attempts]),
    [
      ['r1', 2],
      ['r2', 2],
      ['r3', 0],
    ],
  )
  assert.deepEqual(await nothingMore(source), [])
})

test('what does not fit into the buffer is dropped, and the log counts it', { skip }, async context => {
  const { open, raw, name, lines } = await openTest(context, { bufferRecords: 3 })
  const source = await open()
  for (const body of numbered(10)) await raw.publish(name, body)
  await until('a drop is told', () => lines.some(line => /^warn .*dropped/.test(line)))
  let published = 10
  const received: string[] = []
  const readOn = async () => {
    received.push(...bodies(await source.poll(request({ waitMs: 1_000 }))))
    if (received.includes('fits again')) return true
    await raw.publish(name, 'fits again')
    published += 1
    return false
  }
  await until('there is room again', readOn)
  assert.deepEqual(received.slice(0, 3), ['r0', 'r1', 'r2'])
  await raw.publish(name, 'never read')
  await until('it waits in the buffer', async () => (await source.lag?.())?.[0]?.records === 1)
  await source.close()
  assert.match(lines.at(-1) ?? '', new RegExp(`${published + 1 - received.length} so far$`))
})

test('after a cut it listens again by itself and says that something may be missing', { skip }, async context => {
  const { open, raw, name, proxy, lines } = await openTest(context)
  const source = await open()
  await raw.publish(name, 'before')
  const held = await takeAll(source, 1)
  proxy.reset()
  await until('it listens again', () => lines.some(line => /^warn .*listens again/.test(line)))
  assert.ok(!held[0]?.lost.aborted, 'what is in memory does not hang on the connection')
  await raw.publish(name, 'after')
  assert.deepEqual(bodies(await takeAll(source, 1)), ['after'])
})

test('while there is no connection a poll fails, and one more cut in between breaks nothing', {
  skip,
}, async context => {
  const { open, raw, name, proxy } = await openTest(context)
  const source = await open()
  await proxy.down()
  await assert.rejects(
    until('a poll fails', () => source.poll(request({ waitMs: 20 })).then(() => false)),
    /missed/,
  )
  await proxy.up()
  for (let cuts = 0; cuts < 3; cuts += 1) {
    // The first bytes of a new connection have hardly been answered: it does not listen yet.
    await until('it connects', () => proxy.connections() > 0)
    proxy.reset()
    await until('that connection is gone', () => proxy.connections() === 0)
  }
  const heard = async () => {
    await raw.publish(name, 'again')
    return source.poll(request({ waitMs: 50 })).then(
      found => found.length > 0,
      () => false,
    )
  }
  await until('it hears again', heard)
})

test('a half-open connection is noticed by its silence', { skip }, async context => {
  const { open, raw, name, proxy, lines } = await openTest(context)
  const source = await open()
  proxy.halfOpen('toClient')
  proxy.heal()
  await until('it listens again', () => lines.some(line => /^warn .*listens again/.test(line)), { timeoutMs: 60_000 })
  await raw.publish(name, 'heard')
  assert.deepEqual(bodies(await takeAll(source, 1)), ['heard'])
})

test('a user that may not listen is told so, for good', { skip }, async context => {
  const { open, raw, name } = await openTest(context)
  const username = `deaf-${name}`
  await raw.call('ACL', 'SETUSER', username, 'on', '>secret', '+@all', 'resetchannels')
  await assert.rejects(open({ username, password: 'secret' }), {
    code: 'SOURCE_FATAL',
    message: /NOPERM.*ACL SETUSER/,
  })
  await raw.call('ACL', 'DELUSER', username)
})
