/** Queues whose broker drops what it has delivered too often, as RabbitMQ 4 does after 20 times unless it is told not to. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accept, bodies, readOn, settleAll, take } from '../../../core/testing/contract/reading.ts'
import { queueCounts } from '../../support/brokers/rabbit-counts.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { until } from '../../support/until.ts'
import { crashWith, openQueue } from './opened.ts'

const rabbitmq = sharedBroker('rabbitmq')
const counts = queueCounts()
const skip = rabbitmq.missingOwn
const harness = { patienceMs: 10_000 } as never

type Limit = readonly [what: string, cuts: number, options: Readonly<Record<string, unknown>>, limit: number]

const limits: readonly Limit[] = [
  ['of 20 deliveries, which we know', 25, { deliveryLimit: 20 }, 20],
  ['of 4 deliveries that its owner set', 7, { declare: false }, 4],
]

for (const [what, cuts, options, limit] of limits)
  test(`a record held through ${cuts} cuts of the connection outlives a limit ${what}`, { skip }, async context => {
    const broker = await rabbitmq.own()
    const made = { durable: true, arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': limit } }
    const opened = await openQueue(context, broker.url, options, made)
    const source = await opened.open()
    await opened.publish(['held'], { messageId: 'one', headers: { mine: 'kept' }, type: 'note', priority: 3 })
    let [held] = await take(harness, source, 1)
    for (let cut = 0; cut < cuts; cut += 1) {
      // A cut between the copy's confirmation and the acknowledgement of the original would leave both.
      await until('only one is there', async () => (await counts.records(broker, opened.queue)) === 1)
      opened.proxy.reset()
      await until('it is lost', () => held?.lost.aborted)
      ;[held] = await readOn(harness, source, found => found.length === 1)
    }
    assert.ok(held)
    const { record, attempts, priorDeliveries } = held
    assert.deepEqual(bodies([held]), ['held'])
    assert.deepEqual([record.id, record.idStrength, attempts], ['one', 'stable', 0])
    assert.deepEqual(record.headers, [['mine', 'kept']])
    assert.deepEqual([record.properties?.type, record.properties?.priority], ['note', 3])
    // Each cut is evidence, also those that were counted before the record was renewed.
    assert.ok((priorDeliveries ?? 0) >= cuts, `${priorDeliveries} claims ended without a verdict`)
    await settleAll(harness, source, accept([held]))
    assert.equal(await counts.records(broker, opened.queue), 0)
    await source.close()
  })

test('a queue that we declare has no limit: 25 readers in a row die with a record, and it is there', {
  skip,
}, async context => {
  const broker = await rabbitmq.own()
  const opened = await openQueue(context, broker.url, {}, 'not made')
  await (await opened.open()).close()
  await opened.publish(['held'])
  for (let crash = 0; crash < 25; crash += 1) await crashWith(opened, broker.url, 1)
  const source = await opened.open()
  const taken = await take(harness, source, 1)
  assert.deepEqual(bodies(taken), ['held'])
  assert.ok((taken[0]?.priorDeliveries ?? 0) >= 25)
  await source.close()
})
