import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { queuePlan } from '../../../connectors/rabbitmq/plan.ts'
import { declareQueue } from '../../../connectors/rabbitmq/topology.ts'
import type { ChannelRef } from '../../../core/contract.ts'
import type { MillraceError } from '../../../core/errors.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { until } from '../../support/until.ts'
import { declared, freshName, independent, taken, writer } from './writing.ts'

const rabbitmq = sharedBroker('rabbitmq')
const skip = rabbitmq.missing

/** Declares what a reader of this channel needs. */
const declare = async (context: TestContext, channel: ChannelRef, group = 'group'): Promise<void> => {
  const { url } = await rabbitmq.address()
  const opened = await writer(context, url).link.opened(10_000)
  await declareQueue(opened, queuePlan(channel, group, opened.server), 'SOURCE_FAILED')
}

const texts = async (context: TestContext, queue: string, count: number): Promise<readonly string[]> => {
  const { url } = await rabbitmq.address()
  return (await taken(await independent(context, url), queue, count)).map(({ content }) => content.toString())
}

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))

test('groups of an exchange each get their own copy of what their keys ask for', { skip }, async context => {
  const { url } = await rabbitmq.address()
  const events = declared.exchange(freshName(), { type: 'topic' })
  const [billing, audit, everything] = [freshName(), freshName(), freshName()]
  await declare(context, events.read({ group: billing, keys: ['order.*', 'refund.#'] }))
  await declare(context, events.read({ group: audit, type: 'classic', keys: ['#.eu'] }))
  await declare(context, events, everything)
  const keys = ['order.us', 'order.eu', 'refund.a.b', 'login.eu', 'none']
  const outcomes = await writer(context, url)
    .sink(events)
    .send(keys.map(key => ({ key, body: bytes(key) })))
  assert.deepEqual(outcomes, [null, null, null, null, null])
  assert.deepEqual(await texts(context, billing, 3), ['order.us', 'order.eu', 'refund.a.b'])
  assert.deepEqual(await texts(context, audit, 2), ['order.eu', 'login.eu'])
  assert.deepEqual(await texts(context, everything, 5), keys)
})

test('direct, fanout and headers exchanges bind by keys, by nothing, and by all or any of the headers', {
  skip,
}, async context => {
  const { url } = await rabbitmq.address()
  const [direct, fanout, headers] = [freshName(), freshName(), freshName()]
  const [one, all, any] = [freshName(), freshName(), freshName()]
  const wanted = { kind: 'a', big: true }
  const both = [
    { exchange: direct, type: 'direct', keys: ['x', 'y'] },
    { exchange: fanout, type: 'fanout' },
  ] as const
  await declare(context, declared.queue(one, { bind: both }))
  await declare(context, declared.queue(all, { bind: [{ exchange: headers, type: 'headers', headers: wanted }] }))
  const byAny = { exchange: headers, type: 'headers', headers: wanted, match: 'any' } as const
  await declare(context, declared.queue(any, { bind: [byAny] }))
  const { sink } = writer(context, url)
  const outcomes = [
    ...(await sink(declared.exchange(direct, { type: 'direct' })).send([
      { key: 'x', body: bytes('x') },
      { key: 'z', body: bytes('z') },
    ])),
    ...(await sink(declared.exchange(fanout, { type: 'fanout' })).send([{ key: 'any key', body: bytes('fanned') }])),
    ...(await sink(declared.exchange(headers, { type: 'headers' })).send([
      { headers: Object.entries(wanted), body: bytes('both') },
      { headers: [['kind', 'a']], body: bytes('half') },
      { headers: [['kind', 'b']], body: bytes('none') },
    ])),
  ]
  assert.deepEqual(
    outcomes.map(outcome => outcome?.code ?? 'sent'),
    ['sent', 'SEND_FAILED', 'sent', 'sent', 'sent', 'SEND_FAILED'],
  )
  assert.deepEqual(await texts(context, one, 2), ['x', 'fanned'])
  assert.deepEqual(await texts(context, all, 1), ['both'])
  assert.deepEqual(await texts(context, any, 2), ['both', 'half'])
})

test('what fits no binding goes to the alternate exchange', { skip }, async context => {
  const { url } = await rabbitmq.address()
  const [lost, found] = [freshName(), freshName()]
  const net = declared.exchange(lost, { type: 'fanout' })
  await declare(context, net.read({ group: found }))
  const events = declared.exchange(freshName(), { type: 'direct', alternate: lost })
  assert.deepEqual(
    await writer(context, url)
      .sink(events)
      .send([{ key: 'nobody', body: bytes('stray') }]),
    [null],
  )
  assert.deepEqual(await texts(context, found, 1), ['stray'])
})

test('a queue that is there and different is an error with its argument, and what was wanted and what is', {
  skip,
}, async context => {
  const queue = freshName()
  await declare(context, declared.queue(queue, { arguments: { 'x-max-length': 5 } }))
  const failure = async (channel: ChannelRef): Promise<MillraceError> =>
    declare(context, channel).then(
      () => assert.fail('it was declared'),
      error => error,
    )
  const other = await failure(declared.queue(queue, { arguments: { 'x-max-length': 6 } }))
  assert.match(
    other.message,
    new RegExp(`the queue ${queue} is there with another x-max-length: expected '6', got '5'; declare it as it is`),
  )
  assert.equal(other.fatal, true)
  assert.match(
    (await failure(declared.queue(queue, { type: 'classic' }))).message,
    /another x-queue-type|another x-max/,
  )
  await declare(context, declared.queue(queue, { declare: false }))
  const nowhere = await failure(declared.queue(freshName(), { declare: false }))
  assert.match(nowhere.message, /NOT_FOUND.*it does not exist; create it, or correct its name/)
  assert.equal(nowhere.fatal, false, 'it may be created while we wait')
})

test('a classic queue somebody declared without a type is the same queue', { skip }, async context => {
  const { url } = await rabbitmq.address()
  const queue = freshName()
  await (await (await independent(context, url)).createChannel()).assertQueue(queue)
  await declare(context, declared.queue(queue, { type: 'classic' }))
})

test('records with a higher priority come first', { skip }, async context => {
  const { url } = await rabbitmq.address()
  const queue = declared.queue(freshName(), { type: 'classic', priorities: 5 })
  const priorities = [1, 5, 3]
  await writer(context, url)
    .sink(queue)
    .send(priorities.map(priority => ({ body: bytes(String(priority)), properties: { priority } })))
  assert.deepEqual(await texts(context, queue.name, 3), ['5', '3', '1'])
})

test('with a single active consumer the second gets records when the first is gone', { skip }, async context => {
  const { url } = await rabbitmq.address()
  const queue = declared.queue(freshName(), { singleActiveConsumer: true })
  const { sink } = writer(context, url)
  await declare(context, queue)
  const model = await independent(context, url)
  const got: string[] = []
  const reader = async (name: string) => {
    const channel = await model.createChannel()
    await channel.consume(queue.name, message => {
      got.push(name)
      if (message) channel.ack(message)
    })
    return channel
  }
  const first = await reader('first')
  await reader('second')
  await sink(queue).send(['a', 'b', 'c'].map(text => ({ body: bytes(text) })))
  await until('all three are read', () => got.length === 3)
  await first.close()
  await sink(queue).send([{ body: bytes('d') }])
  await until('the fourth is read', () => got.length === 4)
  assert.deepEqual(got, ['first', 'first', 'first', 'second'])
})

test('a plan that contradicts itself says so before anything is declared', { skip: false }, () => {
  const server = { product: 'RabbitMQ', version: '3.10.8' }
  const refused = (channel: ChannelRef): string => {
    try {
      queuePlan(channel, 'group', server)
      return 'taken'
    } catch (error) {
      return String((error as Error).message)
    }
  }
  assert.match(refused(declared.queue('q', { priorities: 5 })), /priorities must be left out of a quorum queue/)
  assert.match(refused(declared.queue('q', { durable: false })), /durable must be true for a quorum queue/)
  assert.match(refused(declared.queue('q', { type: 'classic', deliveryLimit: 5 })), /deliveryLimit must be left out/)
  assert.match(refused(declared.exchange('e', { type: 'direct' })), /must say its keys: read\(/)
  const both = { exchange: 'e', keys: ['a'], headers: { a: 1 } }
  assert.match(refused(declared.queue('q', { bind: [both] })), /must have keys or headers, not both/)
  assert.match(refused(declared.queue('q', { bind: [{ exchange: 'e', type: 'direct' }] })), /must have keys/)
})

test('queues are declared without the delivery limit that RabbitMQ has by default from 4.0 on', () => {
  const argumentsAt = (version: string) => {
    const { declare } = queuePlan(declared.queue('q'), 'group', { product: 'RabbitMQ', version })
    return [declare?.arguments, declare?.wishes]
  }
  assert.deepEqual(argumentsAt('3.13.7'), [{ 'x-queue-type': 'quorum' }, []])
  assert.deepEqual(argumentsAt('4.2.1'), [{ 'x-queue-type': 'quorum', 'x-delivery-limit': -1 }, ['x-delivery-limit']])
})
