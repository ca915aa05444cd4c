/** What networks do to connections between us and the broker, by the fault proxy. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { rabbitConnector } from '../../../connectors/rabbitmq/connector.ts'
import { sleep, systemClock } from '../../../core/clock.ts'
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

test('a broker that reads nothing more holds senders up, and does not fill their memory', { skip }, async context => {
  const broker = await rabbitmq.own()
  const opened = await openQueue(context, broker.url, { type: 'classic' })
  const sink = await (await opened.connect()).openSink(opened.channel)
  assert.deepEqual(await sink.send([{ body: Uint8Array.of(1) }]), [null])
  const body = new Uint8Array(50_000)
  const records = Array.from({ length: 2_000 }, () => ({ body }))
  const before = process.memoryUsage().arrayBuffers
  broker.pause()
  const sending = sink.send(records)
  await sleep(systemClock, 1_000)
  const grownMb = (process.memoryUsage().arrayBuffers - before) / 1e6
  broker.continue()
  assert.ok((await sending).every(outcome => outcome === null))
  assert.ok(grownMb < 30, `${grownMb} MB of 100 were written ahead`)
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

/** What tune and open-ok come to; whatever is more than that after the first answer is said on an open connection. */
const HANDSHAKE_BYTES = 33

/** Counts connections and hangs up on each: at once, or as soon as it is open. */
const hangingUp = async (context: TestContext, when: 'at once' | 'once it is open', brokerUrl: string) => {
  const sockets = new Set<Socket>()
  const counted = { connects: 0, port: 0 }
  const server = createServer(client => {
    counted.connects += 1
    client.on('error', () => {})
    if (when === 'at once') return client.destroy()
    const upstream = connect(Number(new URL(brokerUrl).port), '127.0.0.1')
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => {}))
    let firstBytes: number | undefined
    upstream.on('data', data => {
      firstBytes ??= data.length
      if (upstream.bytesRead - firstBytes > HANDSHAKE_BYTES) for (const each of [client, upstream]) each.destroy()
      else client.write(data)
    })
    client.pipe(upstream)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  counted.port = (server.address() as AddressInfo).port
  context.after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return counted
}

for (const when of ['at once', 'once it is open'] as const)
  test(`a broker that hangs up on every connection ${when} is asked at most about once a second`, {
    skip,
  }, async context => {
    const { url } = await rabbitmq.address()
    const counted = await hangingUp(context, when, url)
    const address = `amqp://guest:guest@127.0.0.1:${counted.port}`
    const connection = await rabbitConnector.connect('rabbit', { url: address }, contextWith(silentLog))
    context.after(() => connection.close())
    const channel = { type: 'queue', name: 'q', address: 'rabbit/q', options: {} }
    const begun = systemClock.monotonic()
    const ask = async (): Promise<void> => {
      while (systemClock.monotonic() - begun < 3_500)
        await connection.openSource(channel, READ).catch(() => sleep(systemClock, 10))
    }
    await Promise.all([ask(), ask(), ask()])
    const seconds = (systemClock.monotonic() - begun) / 1_000
    const { connects } = counted
    assert.ok(connects >= 2 && connects <= seconds + 1, `${connects} connects in ${seconds} s`)
  })
