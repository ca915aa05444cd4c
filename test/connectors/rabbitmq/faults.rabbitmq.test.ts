/** What the broker refuses, and how that is said: users, queues, arguments, alarms. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MillraceError } from '../../../core/errors.ts'
import { logTo } from '../../../core/log.ts'
import { accept, bodies, numbered, readOn, release, request, take } from '../../../core/testing/contract/reading.ts'
import { freePort } from '../../support/brokers/ports.ts'
import { queueCounts } from '../../support/brokers/rabbit-counts.ts'
import { startRabbit } from '../../support/brokers/rabbitmq.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { until } from '../../support/until.ts'
import { crashWith, openQueue, READ } from './opened.ts'

const rabbitmq = sharedBroker('rabbitmq')
const counts = queueCounts()
const skip = rabbitmq.missing
const harness = { patienceMs: 10_000 } as never

test('a wrong password is fatal and says what to check', { skip }, async context => {
  const { url } = await rabbitmq.address()
  const opened = await openQueue(context, url)
  await assert.rejects(opened.open({}, { password: 'wrong' }), (error: MillraceError) => {
    assert.equal(error.fatal, true)
    assert.equal(error.code, 'SOURCE_FATAL')
    assert.match(error.message, /check url, username and password/)
    return true
  })
})

test('a virtual host that is not there is said, and waited for', { skip }, async context => {
  const { url } = await rabbitmq.address()
  const opened = await openQueue(context, url)
  const connection = await opened.connect({ vhost: 'nowhere' })
  await assert.rejects(connection.openSource(opened.channel, READ), (error: MillraceError) => {
    assert.equal(error.fatal, false)
    assert.match(error.message, /there is no such virtual host, or this user may not use it/)
    return true
  })
})

test('a queue that must exist and does not is said, and read once it is there', { skip }, async context => {
  const { url } = await rabbitmq.address()
  const opened = await openQueue(context, url, { declare: false }, 'not made')
  await assert.rejects(opened.open(), (error: MillraceError) => {
    assert.equal(error.fatal, false)
    assert.match(error.message, new RegExp(`the queue ${opened.queue}.*does not exist; create it`))
    return true
  })
  await opened.independently(channel => channel.assertQueue(opened.queue, { durable: true }))
  const source = await opened.open()
  await opened.publish(['there'])
  assert.deepEqual(bodies(await take(harness, source, 1)), ['there'])
  await source.close()
})

test('a queue that is there with another argument is fatal and names queue, argument and both values', {
  skip,
}, async context => {
  const { url } = await rabbitmq.address()
  const opened = await openQueue(context, url, { type: 'quorum' }, { durable: true, maxPriority: 5 })
  await assert.rejects(opened.open(), (error: MillraceError) => {
    assert.equal(error.fatal, true)
    assert.match(error.message, new RegExp(`the queue ${opened.queue} is there with another x-`))
    assert.match(error.message, /expected .*, got .*; declare it as it is, or delete it/)
    return true
  })
})

for (const [declare, comesBack] of [
  [true, 'by the next poll'],
  [false, 'by its owner'],
] as const)
  test(`a queue that is deleted, and made again ${comesBack}, is read on; what was claimed is lost`, {
    skip,
  }, async context => {
    const { url } = await rabbitmq.address()
    const opened = await openQueue(context, url, { declare })
    const source = await opened.open()
    await opened.publish(['gone with the queue'])
    const held = await take(harness, source, 1)
    await opened.independently(channel => channel.deleteQueue(opened.queue))
    await until('the claim is lost', () => held.every(({ lost }) => lost.aborted))
    if (!declare) {
      await until('a poll says so', () =>
        source.poll(request()).then(
          () => false,
          (error: MillraceError) => !error.fatal && /does not exist; create it/.test(error.message),
        ),
      )
      await opened.independently(channel =>
        channel.assertQueue(opened.queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } }),
      )
    }
    const reading = readOn(harness, source, found => bodies(found).includes('new'))
    await until('there is a queue', () =>
      opened
        .independently(channel => channel.checkQueue(opened.queue))
        .then(
          () => true,
          () => false,
        ),
    )
    await opened.publish(['new'])
    assert.deepEqual(bodies(await reading), ['new'])
    assert.deepEqual(await source.settle(accept(held)), [])
    await source.close()
  })

test('a broker that is absent at start is waited for, and read once it is there', { skip }, async context => {
  const port = await freePort()
  const opened = await openQueue(context, `amqp://guest:guest@127.0.0.1:${port}`, {}, 'not made')
  const connection = await opened.connect()
  const opening = connection.openSource(opened.channel, READ)
  await assert.rejects(opening, /the broker cannot be reached; check url, and tls/)
  const broker = await startRabbit({ after: end => context.after(end) }, { port })
  const source = await until('the source opens', () =>
    connection.openSource(opened.channel, READ).catch(() => undefined),
  )
  await opened.publish(['hello'])
  assert.deepEqual(bodies(await take(harness, source, 1)), ['hello'])
  await connection.close()
  await broker.stop()
})

for (const type of ['quorum', 'classic'])
  test(`a broker that is killed loses nothing of a ${type} queue, and reading goes on by itself`, {
    skip: rabbitmq.missingOwn,
  }, async context => {
    const broker = await rabbitmq.own()
    const opened = await openQueue(context, broker.url, { type })
    // That a queue was declared is on the disk a moment later; a kill in that moment would forget it.
    await broker.restart('clean')
    const source = await opened.open()
    await opened.publish(numbered(20))
    const held = await take(harness, source, 10)
    await broker.restart('SIGKILL')
    await until('the broker takes records again', () =>
      opened.publish(['after']).then(
        () => true,
        () => false,
      ),
    )
    const taken = await readOn(harness, source, found => new Set(bodies(found)).size === 21)
    assert.ok(held.every(({ lost }) => lost.aborted))
    assert.deepEqual(new Set(bodies(taken)), new Set([...numbered(20), 'after']))
    assert.deepEqual(await source.settle(accept([...held, ...taken])), [])
    assert.equal(await counts.records(broker, opened.queue), 0)
    await source.close()
  })

test('what a killed reader had claimed of a classic queue comes again, and nobody says how often it came', {
  skip,
}, async context => {
  const { url } = await rabbitmq.address()
  const opened = await openQueue(context, url, { type: 'classic' })
  await opened.publish(numbered(5))
  await crashWith(opened, url, 3)
  const source = await opened.open()
  const taken = await take(harness, source, 5)
  assert.deepEqual(bodies(taken), numbered(5))
  assert.deepEqual(
    taken.map(({ priorDeliveries }) => priorDeliveries),
    [undefined, undefined, undefined, 0, 0],
  )
  await source.close()
})

test('a broker that takes nothing to publish still delivers and is acknowledged; what would be published waits its turn', {
  skip,
}, async context => {
  const broker = await startRabbit({ after: end => context.after(end) })
  const opened = await openQueue(context, broker.url)
  const connection = await opened.connect({ sendTimeout: '1s' })
  const source = await connection.openSource(opened.channel, READ)
  await opened.publish(numbered(30))
  const [first, again, ...others] = await take(harness, source, 20)
  assert.ok(first && again)
  // The publishing connection has to publish before the broker stops reading from it.
  assert.deepEqual(await source.settle(release([first], 1)), [])
  await broker.ctl('set_vm_memory_high_watermark', 'absolute', '1MB')
  const refused = await source.settle(release([again], 1))
  assert.deepEqual(
    refused.map(({ delivery, error }) => [delivery === again, error.code]),
    [[true, 'SETTLE_FAILED']],
  )
  assert.ok(!again.lost.aborted)
  assert.deepEqual(await source.settle(accept(others)), [])
  assert.equal((await take(harness, source, 11)).length, 11)
  assert.equal((await connection.check())[0]?.ok, false)
  await broker.ctl('set_vm_memory_high_watermark', '0.4')
  await until('it is taken', async () => (await source.settle(release([again], 1))).length === 0)
  await connection.close()
})

test('who may only read gets back what cannot be published again, and nothing more is deferred', {
  skip,
}, async context => {
  const broker = await startRabbit({ after: end => context.after(end) })
  await broker.ctl('add_user', 'reader', 'secret')
  await broker.ctl('set_permissions', 'reader', '^$', '^$', '.*')
  const opened = await openQueue(context, broker.url)
  const warnings: string[] = []
  const log = logTo((level, message) => level === 'warn' && warnings.push(message))
  const connection = await opened.connect({ username: 'reader', password: 'secret' }, log)
  const source = await connection.openSource(opened.channel, READ)
  assert.ok(source.deferStepsMs.length > 0)
  await opened.publish(numbered(3))
  const [accepted, released, deferred] = await take(harness, source, 3)
  assert.ok(accepted && released && deferred)
  const verdicts = [
    ...accept([accepted]),
    ...release([released], 1),
    { delivery: deferred, outcome: 'deferred', attempts: 1, delayMs: 1_000 } as const,
  ]
  assert.deepEqual(await source.settle(verdicts), [])
  assert.deepEqual(source.deferStepsMs, [])
  const again = await take(harness, source, 2)
  assert.deepEqual(bodies(again).toSorted(), ['r1', 'r2'])
  assert.equal(warnings.filter(text => /cannot be published again/.test(text)).length, 2)
  assert.deepEqual(await source.settle(accept(again)), [])
  await connection.close()
})
