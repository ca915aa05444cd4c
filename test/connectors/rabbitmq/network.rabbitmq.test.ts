/** What networks do to connections between us and the broker, by the fault proxy. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { rabbitConnector } from '../../../connectors/rabbitmq/connector.ts'
import { systemClock } from '../../../core/clock.ts'
import { silentLog } from '../../../core/log.ts'
import { accept, bodies, numbered, readOn, request, settleAll, take } from '../../../core/testing/contract/reading.ts'
import { queueCounts } from '../../support/brokers/rabbit-counts.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { until } from '../../support/until.ts'
import { contextWith, openQueue, READ } from './opened.ts'

const rabbitmq = sharedBroker('rabbitmq')
const counts = queueCounts()
const skip = rabbitmq.missingOwn
const harness = { patienceMs: 10_000 } as never

const silences = [
  ['what the broker says', ['toClient']],
  ['what we say', ['toServer']],
  ['both', ['toClient', 'toServer']],
] as const

for (const [what, directions] of silences)
  test(`a connection that silently loses ${what} is found out by its heartbeats, and made anew`, {
    skip,
  }, async context => {
    const broker = await rabbitmq.own()
    const opened = await openQueue(context, broker.url)
    const source = await opened.open({}, { heartbeat: '1s' })
    await opened.publish(numbered(5))
    const held = await take(harness, source, 5)
    opened.proxy.halfOpen(...directions)
    const settling = source.settle(accept(held.slice(0, 2)))
    await until('the claims are lost', () => held.every(({ lost }) => lost.aborted))
    assert.deepEqual(await settling, [])
    opened.proxy.heal()
    await opened.publish(['after'])
    const taken = await readOn(harness, source, found =>
      held
        .slice(2)
        .every(each => found.some(one => one.record.id === each.record.id || bodies([one])[0] === bodies([each])[0])),
    )
    await settleAll(harness, source, accept(taken))
    await readOn(harness, source, async () => (await counts.records(broker, opened.queue)) === 0, 'accept')
    await source.close()
  })

test('a connection that is cut in the middle of frames is made anew, and every record comes', {
  skip,
}, async context => {
  const broker = await rabbitmq.own()
  const opened = await openQueue(context, broker.url)
  const source = await opened.open({ maxInFlight: 5 })
  await opened.publish(numbered(200).map(text => text.padEnd(3_000, '.')))
  // Each connection lasts for about 14 of the records, and ends somewhere in the next.
  opened.proxy.faults({ limitBytes: 45_678 })
  opened.proxy.reset()
  const done = new Set<string>()
  for (let rounds = 0; done.size < 200 && rounds < 1_000; rounds += 1) {
    const taken = await source.poll(request({ max: 10, waitMs: 200 })).catch(() => [])
    await source.settle(accept(taken))
    for (const body of bodies(taken)) done.add(body)
    if (done.size > 60) opened.proxy.faults({})
  }
  assert.equal(done.size, 200)
  await readOn(harness, source, async () => (await counts.records(broker, opened.queue)) === 0, 'accept')
  await source.close()
})

test('frames that arrive byte by byte are read', { skip }, async context => {
  const broker = await rabbitmq.own()
  const opened = await openQueue(context, broker.url)
  opened.proxy.faults({ sliceBytes: 1 })
  const source = await opened.open()
  await opened.publish(numbered(20))
  const taken = await take(harness, source, 20)
  assert.deepEqual(bodies(taken), numbered(20))
  assert.deepEqual(await source.settle(accept(taken)), [])
  assert.equal(await counts.records(broker, opened.queue), 0)
  await source.close()
})

test('a network that takes 5 s each way only makes it slow', { skip }, async context => {
  const broker = await rabbitmq.own()
  const opened = await openQueue(context, broker.url, { declare: false }, { durable: true })
  const source = await opened.open()
  await opened.publish(['slow'])
  opened.proxy.faults({ latencyMs: 5_000 })
  const taken = await readOn(harness, source, found => found.length === 1)
  assert.deepEqual(await source.settle(accept(taken)), [])
  assert.equal(await counts.records(broker, opened.queue), 0)
  opened.proxy.faults({})
  await source.close()
})

test('closing while a connection is made anew ends at once, and nothing is tried any more', { skip }, async context => {
  const broker = await rabbitmq.own()
  const opened = await openQueue(context, broker.url)
  const connection = await opened.connect()
  const source = await connection.openSource(opened.channel, READ)
  await opened.proxy.down()
  const polled = source.poll(request({ waitMs: 60_000 })).catch(() => [])
  await until('the cut is noticed', () =>
    source.poll(request()).then(
      () => false,
      () => true,
    ),
  )
  void source.poll(request()).catch(() => [])
  const begun = systemClock.monotonic()
  await connection.close()
  await polled
  assert.ok(systemClock.monotonic() - begun < 3_000)
  await opened.proxy.up()
  assert.equal(opened.proxy.connections(), 0)
})

test('a broker that hangs up on every connection is asked at most about once a second', async context => {
  let connects = 0
  const server = createServer((socket: Socket) => {
    connects += 1
    socket.on('error', () => {})
    socket.destroy()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { readonly port: number }
  const connection = await rabbitConnector.connect(
    'rabbit',
    { url: `amqp://127.0.0.1:${port}` },
    contextWith(silentLog),
  )
  context.after(() => server.close())
  context.after(() => connection.close())
  const begun = systemClock.monotonic()
  const channel = { type: 'queue', name: 'q', address: 'rabbit/q', options: {} }
  const asking = [0, 1, 2].map(async () => {
    while (systemClock.monotonic() - begun < 3_500) await connection.openSource(channel, READ).catch(() => undefined)
  })
  await Promise.all(asking)
  const seconds = (systemClock.monotonic() - begun) / 1_000
  assert.ok(connects >= 2 && connects <= seconds + 1, `${connects} connects in ${seconds} s`)
})
