/** Other programs in the same group. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { logTo } from '../../../core/log.ts'
import { accept, bodies, numbered, release, request, take } from '../../../core/testing/contract/reading.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { until } from '../../support/until.ts'
import { openTestStream } from './stream-opened.ts'

const redis = sharedBroker('redis')
const skip = redis.missing
const LONG_LEASE = { claimTimeout: 120_000 }

test('what waits and another program has claimed is left to it, and what comes behind is taken', {
  skip,
}, async context => {
  const stream = await openTestStream(context, (await redis.address()).url, LONG_LEASE)
  const { raw, channel, keys } = stream
  const source = await stream.open()
  await stream.publish(numbered(3))
  const taken = await take(stream, source, 3)
  assert.deepEqual(await source.settle(release(taken, 1)), [])
  const [first = '', second = ''] = taken.map(({ record }) => record.id)
  await raw.xclaim(channel.name, 'test', 'stranger', 0, first, second)
  const rest = await source.poll(request({ max: 1 }))
  assert.deepEqual(bodies(rest), ['r2'])
  const pending = (await raw.xpending(channel.name, 'test', '-', '+', 9, 'stranger')) as [string][]
  assert.deepEqual(
    pending.map(([id]) => id),
    [first, second],
  )
  await raw.xack(channel.name, 'test', first, second)
  assert.deepEqual(await source.settle(accept(rest)), [])
  assert.equal(await stream.backlog(), 0)
  assert.equal(await raw.exists(keys.waiting, keys.notes), 0, 'nothing is kept of them')
})

test('what another program has claimed from a reader does not go back by its verdict', { skip }, async context => {
  const stream = await openTestStream(context, (await redis.address()).url, LONG_LEASE)
  const { raw, channel, keys } = stream
  const source = await stream.open()
  await stream.publish(['taken away'])
  const taken = await take(stream, source, 1)
  await raw.xclaim(channel.name, 'test', 'stranger', 0, String(taken[0]?.record.id))
  assert.deepEqual(await source.settle(release(taken)), [])
  const [[, consumer] = []] = (await raw.xpending(channel.name, 'test', '-', '+', 9)) as [string, string][]
  assert.equal(consumer, 'stranger')
  assert.equal(await raw.zcard(keys.waiting), 0)
})

test('what a consumer left behind by the thousands is taken over a part at a time, so that nobody waits for it', {
  skip,
}, async context => {
  const stream = await openTestStream(context, (await redis.address()).url)
  const { raw, channel } = stream
  await raw.xgroup('CREATE', channel.name, 'test', '0', 'MKSTREAM')
  const pipeline = raw.pipeline()
  for (const body of numbered(6_000)) pipeline.xadd(channel.name, '*', 'body', body)
  await pipeline.exec()
  await raw.xreadgroup('GROUP', 'test', 'stranger', 'COUNT', 6_000, 'STREAMS', channel.name, '>')
  const counts: string[] = []
  const log = logTo((_level, message) => counts.push(...(/took over (\d+) record/.exec(message)?.slice(1) ?? [])))
  await stream.openWith({}, log)
  await until('all is taken over', () => counts.reduce((sum, count) => sum + Number(count), 0) === 6_000)
  assert.deepEqual(counts, ['5000', '1000'])
})
