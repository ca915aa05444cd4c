/** What is new is read without a script, which keeps every promise all the same. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Source } from '../../../core/contract.ts'
import { accept, bodies, numbered, release, request, take } from '../../../core/testing/contract/reading.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { type OpenedStream, openTestStream } from './stream-opened.ts'

const redis = sharedBroker('redis')
const skip = redis.missing
const LONG_LEASE = { claimTimeout: 120_000 }

/** From then on it knows what entries weigh, and that nothing waits. */
const warmUp = async (stream: OpenedStream, source: Source): Promise<void> => {
  await stream.publish(['warm'])
  assert.deepEqual(await source.settle(accept(await take(stream, source, 1))), [])
}

for (const [exclusive, how] of [
  [false, 'by XREADGROUP itself'],
  [true, 'under the lease, in a script, where one reads alone'],
] as const)
  test(`new entries come in one piece, ${how}`, { skip }, async context => {
    const stream = await openTestStream(context, (await redis.address()).url, { ...LONG_LEASE, exclusive })
    const source = await stream.open()
    await warmUp(stream, source)
    await stream.publish(numbered(20))
    const seen: string[] = []
    const monitor = await stream.raw.monitor()
    context.after(async () => monitor.disconnect())
    monitor.on('monitor', (_time: string, args: string[], from: string) => seen.push(`${from} ${args[0]}`))
    const taken = await source.poll(request())
    assert.deepEqual(bodies(taken), numbered(20))
    assert.deepEqual(await source.settle(accept(taken)), [])
    const reads = seen.filter(line => /xreadgroup/i.test(line))
    assert.deepEqual(
      reads.map(line => line.startsWith('lua')),
      exclusive ? [true, true] : [false],
    )
    assert.equal(await stream.backlog(), 0)
  })

test('what others give back comes while new entries come', { skip }, async context => {
  const stream = await openTestStream(context, (await redis.address()).url, LONG_LEASE)
  const [source, other] = [await stream.open(), await stream.open()]
  await warmUp(stream, source)
  await stream.publish(['given back'])
  assert.deepEqual(await other.settle(release(await take(stream, other, 1), 1)), [])
  await stream.publish(numbered(4))
  const taken = [...(await source.poll(request({ max: 2 }))), ...(await source.poll(request({ max: 2 })))]
  assert.deepEqual(bodies(taken), ['r0', 'r1', 'given back', 'r2'])
})

test('entries that turn out larger than those before go back where they are too many', { skip }, async context => {
  const stream = await openTestStream(context, (await redis.address()).url, LONG_LEASE)
  const source = await stream.open()
  await warmUp(stream, source)
  const large = numbered(6).map(each => each.padEnd(1_000, '.'))
  await stream.publish(large)
  const first = await source.poll(request({ maxBytes: 1_500 }))
  assert.deepEqual(bodies(first), large.slice(0, 2))
  const rest = await take(stream, source, 4)
  assert.deepEqual(bodies(rest), large.slice(2))
  assert.ok(rest.every(({ attempts, priorDeliveries }) => attempts === 0 && priorDeliveries === 0))
  assert.deepEqual(await source.settle(accept([...first, ...rest])), [])
  assert.equal(await stream.backlog(), 0)
})

test('what is read after its reader was taken for dead is delivered to nobody then, and comes again', {
  skip,
}, async context => {
  const stream = await openTestStream(context, (await redis.address()).url)
  const source = await stream.open()
  await warmUp(stream, source)
  await stream.publish(numbered(3))
  await stream.raw.del(stream.keys.readers)
  assert.deepEqual(await source.poll(request()), [])
  const taken = await take(stream, source, 3)
  assert.deepEqual(bodies(taken), numbered(3))
  assert.deepEqual(await source.settle(accept(taken)), [])
  assert.equal(await stream.backlog(), 0)
})
