/** What an operator sets at the broker: TLS, users and what they may, virtual hosts, limits, alarms. One broker for all. */
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { MillraceError } from '../../../core/errors.ts'
import { accept, request } from '../../../core/testing/contract/reading.ts'
import { freePort } from '../../support/brokers/ports.ts'
import { type RabbitBroker, startRabbit } from '../../support/brokers/rabbitmq.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { type Certificates, makeCertificates } from '../../support/certificates.ts'
import { until } from '../../support/until.ts'
import { openQueue, READ } from './opened.ts'
import { declared, freshName, independent, taken, writer } from './writing.ts'

const README = new URL('../../../connectors/rabbitmq/README.md', import.meta.url)
const skip = sharedBroker('rabbitmq').missingOwn

interface Server {
  readonly broker: RabbitBroker
  readonly tlsPort: number
  readonly certificates: Certificates
}

const ends: (() => Promise<void>)[] = []
after(async () => {
  for (const end of ends.toReversed()) await end()
})

const startServer = async (): Promise<Server> => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-tls-'))
  ends.push(() => rm(folder, { recursive: true, force: true }))
  const certificates = await makeCertificates(folder)
  const tlsPort = await freePort()
  const settings = {
    'listeners.ssl.1': `127.0.0.1:${tlsPort}`,
    'ssl_options.cacertfile': certificates.caFile,
    'ssl_options.certfile': certificates.server.certFile,
    'ssl_options.keyfile': certificates.server.keyFile,
    'ssl_options.verify': 'verify_peer',
    'ssl_options.fail_if_no_peer_cert': 'true',
    max_message_size: 100_000,
  }
  const broker = await startRabbit({ after: end => void ends.push(end) }, { settings })
  return { broker, tlsPort, certificates }
}

let started: Promise<Server> | undefined
const server = (): Promise<Server> => {
  started ??= startServer()
  return started
}

const body = new Uint8Array([1])

const problem = ([outcome]: readonly (null | MillraceError)[]): string => String(outcome?.message)

test('TLS with an authority and a certificate of our own; without them it fails and says what to check', {
  skip,
}, async context => {
  const { tlsPort, certificates } = await server()
  const { ca, client } = certificates
  const url = `amqps://guest:guest@127.0.0.1:${tlsPort}`
  const channel = declared.queue(freshName())
  const sink = writer(context, url, { tls: { ca, cert: client.cert, key: client.key } }).sink(channel)
  assert.deepEqual(await sink.send([{ body }]), [null])
  const stranger = writer(context, url, { sendTimeout: '2s' }).sink(channel)
  assert.match(
    problem(await stranger.send([{ body }])),
    /certificate.*the broker cannot be reached; check url, and tls/,
  )
  const other = { ca, cert: client.cert, key: client.key, servername: 'elsewhere.example' }
  const misled = writer(context, url, { tls: other, sendTimeout: '2s' }).sink(channel)
  assert.match(problem(await misled.send([{ body }])), /does not match certificate/)
})

test('a virtual host is part of the URL or an option; one that is not there is named as the trouble', {
  skip,
}, async context => {
  const { broker } = await server()
  await broker.ctl('add_vhost', 'a/b')
  await broker.ctl('set_permissions', '-p', 'a/b', 'guest', '.*', '.*', '.*')
  const queue = freshName()
  const byUrl = writer(context, `${broker.url}/a%2Fb`).sink(declared.queue(queue))
  const byOption = writer(context, broker.url, { vhost: 'a/b' }).sink(declared.queue(queue))
  assert.deepEqual(await byUrl.send([{ body }]), [null])
  assert.deepEqual(await byOption.send([{ body }]), [null])
  assert.equal((await taken(await independent(context, `${broker.url}/a%2Fb`), queue, 2)).length, 2)
  const nowhere = writer(context, broker.url, { vhost: 'none', sendTimeout: '2s' }).sink(declared.queue(queue))
  assert.match(problem(await nowhere.send([{ body }])), /there is no such virtual host, or this user may not use it/)
})

test('a user who may not declare uses what is there, and is told what it may not', { skip }, async context => {
  const { broker } = await server()
  await broker.ctl('add_user', 'clerk', 'secret')
  await broker.ctl('set_permissions', 'clerk', '^$', '^amq\\.default$|^open', '^open')
  const channel = await (await independent(context, broker.url)).createChannel()
  const [queue, exchange] = [`open-${freshName()}`, `open-${freshName()}`]
  await channel.assertQueue(queue, { arguments: { 'x-queue-type': 'quorum' } })
  await channel.assertExchange(exchange, 'topic')
  await channel.bindQueue(queue, exchange, '#')
  await channel.assertExchange(`closed-${exchange}`, 'topic')
  const clerk = writer(context, broker.url, { username: 'clerk', password: 'secret' })
  assert.deepEqual(await clerk.sink(declared.queue(queue)).send([{ body }]), [null])
  assert.deepEqual(await clerk.sink(declared.exchange(exchange)).send([{ body }]), [null])
  const refused = /ACCESS_REFUSED.*this user may not .*; allow it by `rabbitmqctl set_permissions`/s
  const closed = clerk.sink(declared.exchange(`closed-${exchange}`))
  assert.match(problem(await closed.send([{ body, key: 'a' }])), refused)
  assert.match(problem(await clerk.sink(declared.queue(freshName())).send([{ body }])), refused)
  assert.match(problem(await clerk.sink(declared.queue(queue)).send([{ body, delayMs: 900 }])), refused)
})

test('a record larger than the broker takes is refused with what to do, and the others are sent', {
  skip,
}, async context => {
  const { broker } = await server()
  const queue = freshName()
  const sink = writer(context, broker.url).sink(declared.queue(queue))
  const outcomes = await sink.send([{ body }, { body: new Uint8Array(100_001) }, { body }])
  assert.deepEqual(
    outcomes.map(outcome => outcome?.code ?? 'sent'),
    ['sent', 'SEND_FAILED', 'sent'],
  )
  assert.match(String(outcomes[1]?.message), /larger than .*max size.*its body must be smaller, or max_message_size/)
})

test('a broker that is short of memory is waited for within sendTimeout, and sending goes on when it is not', {
  skip,
}, async context => {
  const { broker } = await server()
  const queue = freshName()
  const impatient = writer(context, broker.url, { sendTimeout: '1s' })
  const patient = writer(context, broker.url)
  const [sinkOfImpatient, sinkOfPatient] = [impatient, patient].map(each => each.sink(declared.queue(queue)))
  assert.ok(sinkOfImpatient && sinkOfPatient)
  await sinkOfImpatient.send([{ body }])
  await sinkOfPatient.send([{ body }])
  await broker.ctl('set_vm_memory_high_watermark', 'absolute', '1MB')
  try {
    // A connection is blocked with what it publishes next.
    assert.match(problem(await sinkOfImpatient.send([{ body }])), /takes nothing at this moment|not answered within/)
    assert.match(
      problem(await sinkOfImpatient.send([{ body }])),
      /the broker takes nothing at this moment: low on memory/,
    )
    const waiting = sinkOfPatient.send([{ body }])
    const { link } = patient
    await until('the patient one is blocked', async () => (await link.opened(1_000)).blocked() !== undefined)
    await broker.ctl('set_vm_memory_high_watermark', '0.4')
    assert.deepEqual(await waiting, [null])
  } finally {
    await broker.ctl('set_vm_memory_high_watermark', '0.4')
  }
  await until('the impatient one is free again', async () => (await sinkOfImpatient.send([{ body }]))[0] === null)
})

/** Configure, write and read, as the README gives them to `rabbitmqctl`. */
const listedRights = async (): Promise<readonly string[]> => {
  const [, listed = ''] = /rabbitmqctl set_permissions shop (.*)/.exec(await readFile(README, 'utf8')) ?? []
  const rights = [...listed.matchAll(/'([^']*)'/g)].map(([, right = '']) => right)
  assert.equal(rights.length, 3, 'the README lists three rights')
  return rights
}

test('with the rights of the README a user declares, binds, reads, settles, puts off, tries again and sends', {
  skip,
}, async context => {
  const { broker } = await server()
  await broker.ctl('add_user', 'shop', 'secret')
  await broker.ctl('set_permissions', 'shop', ...(await listedRights()))
  const user = { username: 'shop', password: 'secret' }
  const opened = await openQueue(context, broker.url, {}, 'not made')
  const connection = await opened.connect(user)
  const orders = declared.exchange('orders')
  const source = await connection.openSource(orders.read({ group: 'billing', keys: ['order.#'] }), READ)
  const body = Uint8Array.of(1)
  const sink = await connection.openSink(orders)
  assert.deepEqual(await sink.send([{ key: 'order.placed', body }]), [null])
  const deferred = (await source.poll(request({ waitMs: 10_000 }))).map(
    delivery => ({ delivery, outcome: 'deferred', attempts: 1, delayMs: 500 }) as const,
  )
  assert.deepEqual(await source.settle(deferred), [])
  const again = await source.poll(request({ waitMs: 10_000 }))
  assert.deepEqual(
    again.map(({ attempts }) => attempts),
    [1],
  )
  assert.deepEqual(
    await source.settle(again.map(delivery => ({ delivery, outcome: 'released', attempts: 2 }) as const)),
    [],
  )
  const last = await source.poll(request({ waitMs: 10_000 }))
  assert.deepEqual(
    last.map(({ attempts, record }) => [attempts, record.key]),
    [[2, 'order.placed']],
  )
  assert.deepEqual(await source.settle(accept(last)), [])
  const direct = await connection.openSink(declared.queue('billing-later'))
  assert.deepEqual(await direct.send([{ body }, { body, delayMs: 500 }]), [null, null])
  await connection.close()
})
