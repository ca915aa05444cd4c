import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Redis } from 'ioredis'
import { openList } from '../../../connectors/redis/list.ts'
import { createSink } from '../../../connectors/redis/sink.ts'
import { openSubscription } from '../../../connectors/redis/subscription.ts'
import { accept, bodies, request, take } from '../../../core/testing/contract/reading.ts'
import { startRedisCluster } from '../../support/brokers/redis-cluster.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { channelRef, placeOn } from './place.ts'

const skip = sharedBroker('redis').missingOwn

/** Of one node, which has every slot: it refuses keys of several slots in one command all the same. */
const openCluster = async (context: TestContext) => {
  const [node] = await startRedisCluster(context, 1)
  const url = node?.url ?? ''
  const raw = new Redis(url)
  context.after(async () => raw.disconnect())
  return { raw, place: await placeOn(context, { nodes: new URL(url).host }) }
}

const body = (text: string) => ({ body: new TextEncoder().encode(text) })

for (const name of ['mails', '{shop}:mails'])
  test(`in a Cluster the list ${name} is sent to, read, put off and settled`, { skip }, async context => {
    const { raw, place } = await openCluster(context)
    const channel = channelRef('list', name)
    const sink = createSink(place, channel)
    const source = await openList(place, channel)
    const waiting = source.poll(request({ max: 1, waitMs: 10_000 }))
    assert.deepEqual(await sink.send([body('a'), body('b')]), [null, null])
    const [first] = await waiting
    assert.ok(first)
    assert.deepEqual(await source.settle([{ delivery: first, outcome: 'deferred', attempts: 2, delayMs: 50 }]), [])
    const taken = await take({ patienceMs: 10_000 } as never, source, 2)
    assert.deepEqual(
      taken.map(each => [bodies([each])[0], each.attempts]),
      [
        ['b', 0],
        ['a', 2],
      ],
    )
    assert.deepEqual(await source.settle(accept(taken)), [])
    await Promise.all([source.close(), sink.close()])
    assert.deepEqual(await raw.keys('*'), [])
  })

test('in a Cluster a stream is sent to, with replicas waited for, and subscribers hear', { skip }, async context => {
  const { raw, place } = await openCluster(context)
  const streamed = await createSink(place, channelRef('stream', 'clicks', { maxLength: 10 })).send([body('a')])
  assert.deepEqual(streamed, [null])
  assert.equal(await raw.xlen('clicks'), 1)
  const waited = createSink(place, channelRef('list', 'mails', { waitReplicas: 1, waitTimeout: 20 }))
  assert.match((await waited.send([body('a')]))[0]?.message ?? '', /0 had it in time/)
  const news = channelRef('subscription', 'news')
  const source = await openSubscription(place, news)
  assert.deepEqual(await createSink(place, news).send([body('heard')]), [null])
  assert.deepEqual(bodies(await source.poll(request({ waitMs: 10_000 }))), ['heard'])
  await source.close()
})
