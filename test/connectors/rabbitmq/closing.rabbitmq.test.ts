/** What closing and pausing promise beyond the contract: nothing that was settled comes again, whatever was going on. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accept, bodies, numbered, request, take } from '../../../core/testing/contract/reading.ts'
import { queueCounts } from '../../support/brokers/rabbit-counts.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { openQueue } from './opened.ts'

const rabbitmq = sharedBroker('rabbitmq')
const counts = queueCounts()
const skip = rabbitmq.missingOwn
const RECORDS = 400
const harness = { patienceMs: 10_000 } as never

for (const type of ['quorum', 'classic'])
  for (const before of ['at once', 'after a pause'])
    test(`a ${type} queue closed ${before} with many single acknowledgements under way repeats none`, {
      skip,
    }, async context => {
      const broker = await rabbitmq.own()
      const opened = await openQueue(context, broker.url, { type })
      for (let round = 0; round < 15; round += 1) {
        const source = await opened.open()
        await opened.publish(numbered(RECORDS))
        const [unfinished, ...others] = await take(harness, source, RECORDS)
        assert.equal(others.length, RECORDS - 1)
        if (before === 'after a pause') await source.pause()
        // While the first is unfinished each other is a frame of its own: more than the broker passes on at once.
        assert.deepEqual(await source.settle(accept(others)), [])
        await source.close()
        assert.ok(unfinished?.lost.aborted)
        assert.equal(await counts.records(broker, opened.queue), 1, `came again in round ${round}`)
        await opened.independently(channel => channel.purgeQueue(opened.queue))
      }
    })

test('what a pause gives back others get at once, and what it was claimed is still ours', { skip }, async context => {
  const broker = await rabbitmq.own()
  const opened = await openQueue(context, broker.url)
  const [one, other] = [await opened.open(), await opened.open()]
  await other.pause()
  await opened.publish(numbered(10))
  const held = await take(harness, one, 4)
  await one.pause()
  await other.resume()
  assert.deepEqual(bodies(await take(harness, other, 6)).toSorted(), numbered(10).slice(4))
  assert.deepEqual(await one.settle(accept(held)), [])
  assert.equal(await counts.records(broker, opened.queue), 6)
  await one.resume()
  await opened.publish(['after'])
  await other.close()
  assert.equal((await take(harness, one, 7)).length, 7)
  await one.close()
})

test('a close gives back what is claimed in its order, twice if asked, and ends a poll', { skip }, async context => {
  const broker = await rabbitmq.own()
  const opened = await openQueue(context, broker.url)
  const source = await opened.open()
  await opened.publish(numbered(5))
  const held = await take(harness, source, 3)
  const polled = source.poll(request({ waitMs: 60_000, skipLanes: new Set([opened.queue]) }))
  await Promise.all([source.close(), source.close()])
  await source.close()
  assert.deepEqual(await polled, [])
  assert.ok(held.every(({ lost }) => lost.aborted))
  assert.deepEqual(await source.settle(accept(held)), [])
  const next = await opened.open()
  assert.deepEqual(bodies(await take(harness, next, 5)), numbered(5))
  await next.close()
})

test('a source that was closed while it was opened leaves no reader behind', { skip }, async context => {
  const broker = await rabbitmq.own()
  const opened = await openQueue(context, broker.url)
  const source = await opened.open()
  opened.proxy.reset()
  const polled = source.poll(request({ waitMs: 60_000 }))
  await source.close()
  await polled.catch(() => [])
  await opened.publish(['for somebody else'])
  const { consumerCount, messageCount } = await opened.independently(channel => channel.checkQueue(opened.queue))
  assert.deepEqual({ consumerCount, messageCount }, { consumerCount: 0, messageCount: 1 })
})
