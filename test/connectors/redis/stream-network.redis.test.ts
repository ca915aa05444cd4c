import assert from 'node:assert/strict'
import { test } from 'node:test'
import { redisConnector } from '../../../connectors/redis/connector.ts'
import { systemClock } from '../../../core/clock.ts'
import type { Delivery, Source } from '../../../core/contract.ts'
import type { MillraceError } from '../../../core/errors.ts'
import { silentLog } from '../../../core/log.ts'
import { accept, bodies, numbered, request, take } from '../../../core/testing/contract/reading.ts'
import { freePort } from '../../support/brokers/ports.ts'
import { startRedis } from '../../support/brokers/redis.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { until } from '../../support/until.ts'
import { channelRef, READ } from './place.ts'
import { type OpenedStream, openTestStream } from './stream-opened.ts'

const redis = sharedBroker('redis')
const skip = redis.missing
/** A silent connection is given up after 15 s, one that waits for entries after 20. */
const SILENCE = { timeoutMs: 60_000 }
/** Beyond what any of these faults lasts: nobody is taken for dead. */
const LONG_LEASE = { claimTimeout: 120_000 }

/** So that the server knows them: else the answer that is lost is that it does not. */
const useEveryScript = async (stream: OpenedStream, source: Source): Promise<void> => {
  await stream.publish(['first'])
  assert.deepEqual(await source.settle(accept(await take(stream, source, 1))), [])
}

/** As the core does: polls again what failed, settles again what was not settled. Answers all that was delivered. */
const processAll = async (stream: OpenedStream, source: Source, wanted: readonly string[]) => {
  const seen: Delivery[] = []
  let open: readonly Delivery[] = []
  const settled = async (): Promise<boolean> => {
    const found = await source.poll(request({ waitMs: 500 })).catch(() => [])
    seen.push(...found)
    open = [...open, ...found].filter(({ lost }) => !lost.aborted)
    open = (await source.settle(accept(open))).map(({ delivery }) => delivery)
    return open.length === 0 && wanted.every(each => bodies(seen).includes(each)) && (await stream.backlog()) === 0
  }
  await until('all is processed and settled', settled, SILENCE)
  return seen
}

test('a server that is not there is said and waited for, not fatal', { skip: redis.missingOwn }, async context => {
  const port = await freePort()
  const tools = { clock: systemClock, log: silentLog, random: Math.random, stateDir: '/nowhere' }
  const connection = await redisConnector.connect('shop', { host: '127.0.0.1', port }, tools)
  context.after(() => connection.close())
  await assert.rejects(connection.openSource(channelRef('stream', 'clicks'), READ), (error: MillraceError) => {
    assert.equal(error.fatal, false)
    assert.match(error.message, /ECONNREFUSED.*Redis cannot be reached/)
    return true
  })
  await startRedis(context, { port })
  const source = await until('it is reached', () =>
    connection.openSource(channelRef('stream', 'clicks'), READ).catch(() => undefined),
  )
  await source.close()
})

for (const direction of ['toServer', 'toClient'] as const)
  test(`a connection that silently loses what goes ${direction} is given up, and nothing is lost`, {
    skip,
  }, async context => {
    const stream = await openTestStream(context, (await redis.address()).url, LONG_LEASE)
    const source = await stream.open()
    await useEveryScript(stream, source)
    const waiting = source.poll(request({ waitMs: 60_000 })).catch(() => [])
    stream.proxy.halfOpen(direction)
    await stream.publish(numbered(20))
    stream.proxy.heal()
    const taken = await waiting
    assert.deepEqual(await source.settle(accept(taken)), [])
    const rest = numbered(20).filter(each => !bodies(taken).includes(each))
    const seen = await processAll(stream, source, rest)
    assert.deepEqual(
      seen.map(each => each.priorDeliveries),
      seen.map(() => 0),
      'an answer that was lost is no claim that ended without a verdict',
    )
  })

test('an answer that breaks off in its middle has claimed nothing that is lost', { skip }, async context => {
  const stream = await openTestStream(context, (await redis.address()).url, LONG_LEASE)
  const source = await stream.open()
  await useEveryScript(stream, source)
  const large = numbered(8).map(each => each.padEnd(100_000, '.'))
  await stream.publish(large)
  stream.proxy.faults({ limitBytes: 300_000 })
  await assert.rejects(source.poll(request({ waitMs: 5_000 })))
  stream.proxy.faults({})
  const seen = await processAll(stream, source, large)
  assert.equal(new Set(bodies(seen)).size, large.length)
  assert.ok(seen.every(each => each.priorDeliveries === 0))
})

test('with bytes that come one by one everything arrives', { skip }, async context => {
  const stream = await openTestStream(context, (await redis.address()).url, LONG_LEASE)
  stream.proxy.faults({ sliceBytes: 1 })
  const source = await stream.open()
  await stream.publish(numbered(20))
  const seen = await processAll(stream, source, numbered(20))
  assert.equal(seen.length, 20, 'each once')
})

test('with answers that take 5 s records are read and settled, each once', { skip }, async context => {
  const stream = await openTestStream(context, (await redis.address()).url, LONG_LEASE)
  const source = await stream.open()
  stream.proxy.faults({ latencyMs: 2_500 })
  await stream.publish(numbered(5))
  const seen = await processAll(stream, source, numbered(5))
  assert.equal(seen.length, 5, 'each once')
})

test('a reset again and again loses nothing', { skip }, async context => {
  const stream = await openTestStream(context, (await redis.address()).url, LONG_LEASE)
  const source = await stream.open()
  const all = numbered(400)
  let resets = 0
  const harm = async (): Promise<void> => {
    for (; resets < 5; resets += 1) {
      await until('a connection is open', () => stream.proxy.connections() > 0)
      stream.proxy.reset()
      await stream.publish(all.slice(resets * 80, (resets + 1) * 80))
    }
  }
  const [, seen] = await Promise.all([harm(), processAll(stream, source, all)])
  assert.ok(seen.length >= all.length)
})
