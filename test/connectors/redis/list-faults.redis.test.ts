import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openList } from '../../../connectors/redis/list.ts'
import { type Clock, systemClock } from '../../../core/clock.ts'
import { logTo, silentLog } from '../../../core/log.ts'
import { accept, bodies, numbered, request, take } from '../../../core/testing/contract/reading.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { until } from '../../support/until.ts'
import { type OpenedList, openTestList } from './list-opened.ts'
import { placeOn } from './place.ts'

const redis = sharedBroker('redis')
const skip = redis.missing

const processed = async ({ raw }: OpenedList, done: string): Promise<ReadonlySet<string>> =>
  new Set(await raw.lrange(done, 0, -1))

test('readers that are killed at any moment lose nothing: each element is processed or still there', {
  skip,
}, async context => {
  const { url } = await redis.address()
  const list = await openTestList(context, url)
  const done = `${list.channel.name}-done`
  const all = numbered(3_000)
  await list.publish(all)
  for (let life = 0; life < 6; life += 1) {
    const child = list.reader('work', done)
    await child.line(/works/)
    const target = Math.min(all.length - 200, (life + 1) * 150)
    await until('it has worked', async () => (await processed(list, done)).size >= target)
    child.kill('SIGKILL')
    await child.ended
    const [ready, { size }] = [await list.backlog(), await processed(list, done)]
    assert.ok(ready + size >= all.length, `${ready} there and ${size} processed of ${all.length}`)
  }
  const source = await list.open()
  while ((await list.backlog()) > 0) {
    const taken = await source.poll(request({ waitMs: 10_000 }))
    if (taken.length > 0) await list.raw.rpush(done, ...bodies(taken))
    await source.settle(accept(taken))
  }
  assert.deepEqual([...(await processed(list, done))].toSorted(), all.toSorted())
})

test('a reader that was stopped past its lease settles nothing of what others took over', { skip }, async context => {
  const { url } = await redis.address()
  const list = await openTestList(context, url)
  const done = `${list.channel.name}-done`
  const source = await list.open()
  const child = list.reader('work', done)
  await child.line(/works/)
  await list.publish(numbered(4_000))
  await until('it works', async () => (await processed(list, done)).size > 0)
  const stoppedHolding = async () => {
    child.kill('SIGSTOP')
    const readers = await list.raw.zrange(list.keys.readers, 0, '-1')
    const held = await Promise.all(readers.map(reader => list.raw.scard(list.keys.claims(reader))))
    if (held.some(count => count > 0)) return true
    child.kill('SIGCONT')
    return false
  }
  await until('it is stopped while it holds something', stoppedHolding)
  const taken: string[] = []
  while ((await list.backlog()) > 0) {
    const found = await source.poll(request({ waitMs: 1_000 }))
    taken.push(...bodies(found))
    assert.deepEqual(await source.settle(accept(found)), [])
  }
  await list.publish(['held'])
  const held = await take(list, source, 1)
  child.kill('SIGCONT')
  await until('its lease is noticed', async () => (await list.raw.zcard(list.keys.readers)) >= 2)
  assert.equal(await list.backlog(), 1)
  assert.deepEqual(await source.settle(accept(held)), [])
  assert.equal(await list.backlog(), 0)
  const seen = new Set([...taken, ...(await processed(list, done))])
  for (const body of numbered(4_000)) assert.ok(seen.has(body), `${body} was processed`)
})

test('a reader that finds itself taken for dead calls its claims lost, and goes on under another name', {
  skip,
}, async context => {
  const { url } = await redis.address()
  const list = await openTestList(context, url)
  const lines: string[] = []
  const source = await list.openWith(
    {},
    logTo((level, message) => lines.push(`${level} ${message}`)),
  )
  await list.publish(['held'])
  const [held] = await take(list, source, 1)
  assert.ok(held)
  await list.raw.del(list.keys.readers)
  assert.deepEqual(await source.settle(accept([held])), [])
  assert.ok(held.lost.aborted)
  assert.match(lines.join('\n'), /warn .*taken for dead/)
  assert.equal(await list.backlog(), 1, 'it was not settled')
  await list.publish(['next'])
  assert.deepEqual(bodies(await take(list, source, 1)), ['next'])
})

test('elements of any bytes arrive unchanged in a list of bodies', { skip }, async context => {
  const { url } = await redis.address()
  const list = await openTestList(context, url)
  const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
  await list.raw.lpush(list.channel.name, everyByte, Buffer.alloc(0), everyByte)
  const source = await list.open()
  const taken = await take(list, source, 3)
  assert.deepEqual(
    taken.map(({ record }) => record.body),
    [new Uint8Array(everyByte), new Uint8Array(), new Uint8Array(everyByte)],
  )
  assert.equal(new Set(taken.map(({ record }) => record.id)).size, 3, 'equal elements are different records')
})

test('producers at the right end are read from the left, oldest first', { skip }, async context => {
  const { url } = await redis.address()
  const list = await openTestList(context, url, { pushes: 'right' })
  await list.raw.rpush(list.channel.name, ...numbered(5))
  assert.deepEqual(bodies(await take(list, await list.open(), 5)), numbered(5))
})

test('an element that came to a reader that no longer wants it goes back to the list', { skip }, async context => {
  const { url } = await redis.address()
  const list = await openTestList(context, url)
  const source = await list.open()
  const stop = new AbortController()
  const waiting = source.poll(request({ waitMs: 60_000, signal: stop.signal }))
  await until('it waits', async () => /cmd=blmove/.test(String(await list.raw.client('LIST'))))
  stop.abort()
  await waiting
  await source.pause()
  await list.publish(['a', 'b'])
  await until('both are in the list', async () => (await list.raw.llen(list.channel.name)) === 2)
  assert.deepEqual((await list.raw.lrange(list.channel.name, 0, -1)).toReversed(), ['a', 'b'])
})

test('what was put off is there after the server was killed, and comes when it is due', {
  skip: redis.missingOwn,
}, async context => {
  const broker = await redis.own()
  const list = await openTestList(context, broker.url)
  const source = await list.open()
  await list.publish(['later', 'much later'])
  const taken = await take(list, source, 2)
  const verdicts = taken.map((delivery, index) => ({
    delivery,
    outcome: 'deferred' as const,
    attempts: 4,
    delayMs: index === 0 ? 3_000 : 3_600_000,
  }))
  assert.deepEqual(await source.settle(verdicts), [])
  await broker.restart('SIGKILL')
  const again = await until('it comes', () =>
    source.poll(request({ waitMs: 500 })).then(
      found => found[0],
      () => undefined,
    ),
  )
  assert.deepEqual([bodies([again]), again.attempts], [['later'], 4])
  assert.equal(await list.backlog(), 2)
})

test('a server out of memory still gives its elements, and lets them be settled, until there is room', {
  skip: redis.missingOwn,
}, async context => {
  const broker = await redis.own()
  const list = await openTestList(context, broker.url)
  const source = await list.open()
  await list.publish(numbered(20))
  await list.raw.config('SET', 'maxmemory', '1mb')
  try {
    await assert.rejects(list.publish(['one more']), /OOM/)
    const taken = await take(list, source, 20)
    assert.deepEqual(bodies(taken), numbered(20))
    const back = taken
      .slice(10)
      .map(delivery => ({ delivery, outcome: 'deferred' as const, attempts: 1, delayMs: 300 }))
    assert.deepEqual(await source.settle([...accept(taken.slice(0, 10)), ...back]), [])
    // Nothing is there when it is asked for, so it is waited for.
    const again = await take(list, source, 10)
    assert.deepEqual(await source.settle(accept(again)), [])
    assert.equal(await list.backlog(), 0)
  } finally {
    await list.raw.config('SET', 'maxmemory', '0')
  }
})

test('a key that is no list ends the mapping with what to do, at the opening and later', { skip }, async context => {
  const { url } = await redis.address()
  const list = await openTestList(context, url)
  const source = await list.open()
  await list.raw.set(list.channel.name, 'a string')
  const fatal = { code: 'SOURCE_FATAL', message: /WRONGTYPE.*kind of the channel/ }
  await assert.rejects(source.poll(request({ waitMs: 1_000 })), fatal)
  await assert.rejects(list.open(), fatal)
})

test('a wrong password ends the opening at once', { skip }, async context => {
  const { url } = await redis.address()
  const { port } = new URL(url)
  const wrong = { host: '127.0.0.1', port: Number(port), username: 'nobody', password: 'wrong' }
  await assert.rejects(placeOn(context, wrong), { code: 'SOURCE_FATAL', message: /WRONGPASS.*username and password/ })
})

test('a close that cannot tell Redis leaves no timer behind', { skip }, async context => {
  const { url } = await redis.address()
  const list = await openTestList(context, url)
  const pending = new Set<object>()
  const clock: Clock = {
    ...systemClock,
    after(ms, run) {
      const timer = {}
      pending.add(timer)
      const cancel = systemClock.after(ms, () => {
        pending.delete(timer)
        run()
      })
      return () => {
        pending.delete(timer)
        cancel()
      }
    },
  }
  const place = await placeOn(context, { host: '127.0.0.1', port: list.proxy.port }, silentLog, clock)
  const source = await openList(place, list.channel)
  await list.publish(['held'])
  const [held] = await take(list, source, 1)
  await list.proxy.down()
  await source.close()
  assert.ok(held?.lost.aborted)
  assert.equal(pending.size, 0)
})
