import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fieldsOf } from '../../../connectors/redis/stream-group.ts'
import {
  accept,
  bodies,
  nothingMore,
  numbered,
  release,
  request,
  take,
} from '../../../core/testing/contract/reading.ts'
import { startRedis } from '../../support/brokers/redis.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { until } from '../../support/until.ts'
import { type OpenedStream, openTestStream } from './stream-opened.ts'

const redis = sharedBroker('redis')
const skip = redis.missing

const consumersOf = async ({ raw, channel }: OpenedStream): Promise<readonly string[]> =>
  ((await raw.xinfo('CONSUMERS', channel.name, 'test')) as unknown[]).map(each => String(fieldsOf(each).name))

for (const exclusive of [false, true])
  test(`a reader that was stopped past its lease settles nothing of what another took over${exclusive ? ', alone on its stream' : ''}`, {
    skip,
  }, async context => {
    const stream = await openTestStream(context, (await redis.address()).url, { exclusive })
    await stream.publish(numbered(3))
    const child = stream.holder(3)
    await child.line(/^holds/)
    child.kill('SIGSTOP')
    const source = await stream.open()
    const taken = await take(stream, source, 3)
    assert.deepEqual(bodies(taken), numbered(3))
    assert.deepEqual(
      taken.map(each => each.priorDeliveries),
      [1, 1, 1],
    )
    child.kill('SIGCONT')
    child.kill('SIGUSR2')
    await child.line(/settled all but 0, 3 were lost/)
    assert.equal(await stream.backlog(), 3)
    assert.ok(taken.every(({ lost }) => !lost.aborted))
    assert.deepEqual(await source.settle(accept(taken)), [])
    assert.equal(await stream.backlog(), 0)
  })

test('a function that runs for many leases keeps its claims', { skip }, async context => {
  const stream = await openTestStream(context, (await redis.address()).url)
  const source = await stream.open()
  await stream.publish(numbered(3))
  const held = await take(stream, source, 3)
  const other = await stream.open()
  const lease = async () => Number((await stream.raw.zrange(stream.keys.readers, 0, '0', 'WITHSCORES'))[1])
  const until5Leases = (await lease()) + 5_000
  await until('five leases have passed', async () => (await lease()) > until5Leases)
  assert.deepEqual(await nothingMore(other), [])
  const pending = (await stream.raw.xpending(stream.channel.name, 'test', '-', '+', 9)) as [string, string, number][]
  assert.ok(
    pending.every(([, , idleMs]) => idleMs < 1_000),
    'other programs of the group see that they are not idle',
  )
  assert.deepEqual(await source.settle(accept(held)), [])
  assert.equal(await stream.backlog(), 0)
})

test('what a consumer of another program left behind is taken over once it was idle for a lease', {
  skip,
}, async context => {
  const stream = await openTestStream(context, (await redis.address()).url)
  const { raw, channel } = stream
  await raw.xgroup('CREATE', channel.name, 'test', '0', 'MKSTREAM')
  await stream.publish(numbered(4))
  await raw.xreadgroup('GROUP', 'test', 'stranger', 'COUNT', 2, 'STREAMS', channel.name, '>')
  const source = await stream.open()
  const first = await take(stream, source, 2)
  assert.deepEqual(bodies(first), ['r2', 'r3'], 'not before')
  const adopted = await take(stream, source, 2)
  assert.deepEqual(
    adopted.map(each => [bodies([each])[0], each.priorDeliveries]),
    [
      ['r0', 1],
      ['r1', 1],
    ],
  )
  assert.deepEqual(await source.settle(accept([...first, ...adopted])), [])
  assert.equal(await stream.backlog(), 0)
})

test('consumers of readers that are gone are removed, and nothing is pending under them', { skip }, async context => {
  const stream = await openTestStream(context, (await redis.address()).url)
  await stream.publish(numbered(4))
  await stream.crash(2)
  const source = await stream.open()
  const taken = await take(stream, source, 4)
  assert.deepEqual(await source.settle([...accept(taken.slice(0, 3)), ...release(taken.slice(3), 1)]), [])
  await until('only its own and nobody are there', async () => (await consumersOf(stream)).length === 2)
  await source.close()
  assert.deepEqual(await consumersOf(stream), ['millrace-nobody'])
  assert.equal(await stream.backlog(), 1)
  assert.equal(await stream.raw.zcard(stream.keys.readers), 0)
})

test('a server that is out of memory is read and settled on: accepted, given back and put off', {
  skip: redis.missingOwn,
}, async context => {
  const stream = await openTestStream(context, (await startRedis(context)).url)
  const { raw } = stream
  const source = await stream.open()
  await stream.publish(numbered(6))
  const taken = await take(stream, source, 2)
  await raw.config('SET', 'maxmemory', 1)
  await assert.rejects(raw.xadd(stream.channel.name, '*', 'body', 'more'), /OOM/)
  assert.deepEqual(await source.settle(release(taken.slice(0, 1), 1)), [])
  const [deferred] = taken.slice(1)
  assert.ok(deferred)
  assert.deepEqual(await source.settle([{ delivery: deferred, outcome: 'deferred', attempts: 1, delayMs: 50 }]), [])
  const rest = await take(stream, source, 6)
  assert.deepEqual(await source.settle(accept(rest)), [])
  assert.deepEqual([...new Set(bodies(rest))].sort(), numbered(6))
  const other = await stream.open()
  await other.close()
  await raw.config('SET', 'maxmemory', 0)
  assert.equal(await stream.backlog(), 0)
})

test('of a stream that one reads alone, another gets nothing until that one leaves, then all in order', {
  skip,
}, async context => {
  const stream = await openTestStream(context, (await redis.address()).url, { exclusive: true })
  const [first, second] = [await stream.open(), await stream.open()]
  await stream.publish(numbered(6))
  const taken = await take(stream, first, 4)
  assert.deepEqual(await nothingMore(second), [])
  assert.deepEqual(await first.settle(accept(taken.slice(0, 2))), [])
  await first.close()
  const rest = await take(stream, second, 4)
  assert.deepEqual(bodies(rest), ['r2', 'r3', 'r4', 'r5'])
  assert.deepEqual(await second.settle(accept(rest)), [])
  assert.equal(await stream.backlog(), 0)
})

test('large records are read a few at a time: Redis is not asked for more than fits', { skip }, async context => {
  const stream = await openTestStream(context, (await redis.address()).url)
  const source = await stream.open()
  await stream.publish(numbered(60).map(each => each.padEnd(100_000, '.')))
  const first = await source.poll(request({ max: 60, maxBytes: 150_000 }))
  assert.equal(first.length, 2)
  const pending = Number(((await stream.raw.xpending(stream.channel.name, 'test')) as [number])[0])
  assert.ok(pending <= 10, `${pending} were read`)
  const rest = await source.poll(request({ max: 58, maxBytes: 10_000_000 }))
  assert.deepEqual(await source.settle(accept([...first, ...rest])), [])
  assert.equal(await stream.backlog(), 60 - 2 - rest.length)
})

test('64 KiB of headers, repeated names and bytes among them, arrive as they were sent', { skip }, async context => {
  const stream = await openTestStream(context, (await redis.address()).url)
  const headers = [
    ['large', 'x'.repeat(65_536)],
    ['twice', '1'],
    ['twice', new Uint8Array(2_048).fill(255)],
  ] as const
  await stream.send([{ key: 'k', headers, body: new Uint8Array([0]) }])
  const source = await stream.open()
  const [taken] = await take(stream, source, 1)
  assert.deepEqual(taken?.record.headers, headers)
  const again = await source
    .settle(release([taken].filter(each => each !== undefined)))
    .then(() => take(stream, source, 1))
  assert.deepEqual(again[0]?.record, taken.record)
  assert.deepEqual(await source.settle(accept(again)), [])
})
