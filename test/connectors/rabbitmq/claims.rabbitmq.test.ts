/** How many records the broker hands out, for how long, to whom, and in which order. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MillraceError } from '../../../core/errors.ts'
import { accept, bodies, numbered, readOn, request, take } from '../../../core/testing/contract/reading.ts'
import { startRabbit } from '../../support/brokers/rabbitmq.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { until } from '../../support/until.ts'
import { openQueue, READ } from './opened.ts'

const rabbitmq = sharedBroker('rabbitmq')
const skip = rabbitmq.missing
const harness = { patienceMs: 10_000 } as never

for (const type of ['quorum', 'classic'])
  test(`of a ${type} queue the broker hands out as much as the mapping has credit for, and the rest is others'`, {
    skip,
  }, async context => {
    const opened = await openQueue(context, (await rabbitmq.address()).url, { type })
    await opened.publish(numbered(20))
    const source = await opened.open({ maxInFlight: 5 })
    const ready = () => opened.independently(async channel => (await channel.checkQueue(opened.queue)).messageCount)
    await until('the first are handed out', async () => (await ready()) === 15)
    const held = await take(harness, source, 5)
    assert.deepEqual(await source.poll(request({ waitMs: 300 })), [])
    assert.equal(await ready(), 15)
    assert.deepEqual(await source.settle(accept(held.slice(0, 2))), [])
    await until('two more are', async () => (await ready()) === 13)
    await source.close()
  })

const CONSUMER_TIMEOUT_MS = 2_000

test('what nobody asks for is given back before the broker loses patience; what is held longer is lost, and comes again', {
  skip: rabbitmq.missingOwn,
}, async context => {
  const broker = await startRabbit({ after: end => context.after(end) })
  // It looks once a minute otherwise.
  const settings = `application:set_env(rabbit, consumer_timeout, ${CONSUMER_TIMEOUT_MS}), application:set_env(rabbit, channel_tick_interval, 200).`
  await broker.ctl('eval', settings)
  const known = { arguments: { 'x-consumer-timeout': CONSUMER_TIMEOUT_MS } }
  const opened = await openQueue(context, broker.url, known, 'not made')
  const source = await opened.open()
  assert.equal(source.maxClaimMs, CONSUMER_TIMEOUT_MS * 0.8)
  await opened.publish(['held', 'left'])
  const held = await take(harness, source, 1)
  const waiting = async () =>
    opened.independently(async channel => (await channel.checkQueue(opened.queue)).messageCount)
  await until('the other one is given back', async () => (await waiting()) === 1)
  assert.deepEqual(
    held.map(({ lost }) => lost.aborted),
    [false],
  )
  await until('the broker takes the held one', () => held[0]?.lost.aborted)
  assert.deepEqual(await source.settle(accept(held)), [], 'there is nobody to tell')
  const again = await readOn(harness, source, found => found.length === 2)
  assert.deepEqual(bodies(again).toSorted(), ['held', 'left'])
  assert.deepEqual(await source.settle(accept(again)), [])
  await source.close()
})

test('of a queue with a single active consumer one process reads, and the next one when it is gone', {
  skip,
}, async context => {
  const options = { singleActiveConsumer: true }
  const opened = await openQueue(context, (await rabbitmq.address()).url, options, 'not made')
  const first = await opened.open()
  const second = await opened.open()
  await opened.publish(numbered(20))
  assert.deepEqual(await second.poll(request({ waitMs: 300 })), [])
  const held = await take(harness, first, 20)
  assert.deepEqual(bodies(held), numbered(20))
  assert.deepEqual(await first.settle(accept(held.slice(0, 10))), [])
  await first.close()
  const rest = await take(harness, second, 10)
  assert.deepEqual(bodies(rest), numbered(20).slice(10))
  assert.deepEqual(await second.settle(accept(rest)), [])
  await second.close()
})

test('records of higher priority come first, also when they come again with an attempt', { skip }, async context => {
  const options = { type: 'classic', priorities: 5 }
  const opened = await openQueue(context, (await rabbitmq.address()).url, options, 'not made')
  const source = await opened.open({ maxInFlight: 1 })
  await source.pause()
  for (const priority of [1, 5, 3]) await opened.publish([`priority ${priority}`], { priority })
  await source.resume()
  const [highest] = await take(harness, source, 1)
  assert.ok(highest)
  assert.deepEqual(await source.settle([{ delivery: highest, outcome: 'released', attempts: 1 }]), [])
  const seen: string[] = []
  while (seen.length < 3) {
    const next = await take(harness, source, 1)
    assert.deepEqual(await source.settle(accept(next)), [])
    seen.push(...bodies(next))
  }
  // The copy comes after one that was handed out before it was there.
  assert.deepEqual(seen.toSorted(), ['priority 1', 'priority 3', 'priority 5'])
  assert.ok(seen.indexOf('priority 5') < seen.indexOf('priority 1'))
  await source.close()
})

test('who may not read a queue is told so, and reads it once that is allowed', {
  skip: rabbitmq.missingOwn,
}, async context => {
  const broker = await startRabbit({ after: end => context.after(end) })
  await broker.ctl('add_user', 'stranger', 'secret')
  await broker.ctl('set_permissions', 'stranger', '^$', '^$', '^$')
  const opened = await openQueue(context, broker.url)
  const connection = await opened.connect({ username: 'stranger', password: 'secret' })
  await assert.rejects(connection.openSource(opened.channel, READ), (error: MillraceError) => {
    assert.match(error.message, /ACCESS_REFUSED.*this user may not do that; allow it by `rabbitmqctl set_permissions`/)
    return !error.fatal
  })
  await broker.ctl('set_permissions', 'stranger', '^$', '^$', '.*')
  const source = await connection.openSource(opened.channel, READ)
  await opened.publish(['allowed'])
  assert.deepEqual(bodies(await take(harness, source, 1)), ['allowed'])
  await connection.close()
})

test('a record the broker would now find too large to publish again is given back as it came', {
  skip: rabbitmq.missingOwn,
}, async context => {
  const broker = await startRabbit({ after: end => context.after(end) })
  const opened = await openQueue(context, broker.url)
  const source = await opened.open()
  await opened.publish(['x'.repeat(5_000), 'small'])
  await broker.ctl('eval', 'application:set_env(rabbit, max_message_size, 1000).')
  const held = await take(harness, source, 2)
  const verdicts = held.map(delivery => ({ delivery, outcome: 'released', attempts: 1 }) as const)
  assert.deepEqual(await source.settle(verdicts), [])
  const again = await take(harness, source, 2)
  assert.deepEqual(again.map(({ record, attempts }) => [record.body?.length, attempts]).toSorted(), [
    [5, 1],
    [5_000, 0],
  ])
  assert.deepEqual(await source.settle(accept(again)), [])
  await source.close()
})
