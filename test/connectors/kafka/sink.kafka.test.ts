/** Sending where confirmations get lost. What it looks like on the broker is in bytes.kafka.test.ts and java.kafka.test.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startKafkaBehindProxy } from '../../support/brokers/kafka-behind-proxy.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import type { FaultProxy } from '../../support/proxy.ts'
import { until } from '../../support/until.ts'
import { channelOf, openTopic } from './opened.ts'

let proxy: FaultProxy | undefined
let direct = ''

const kafka = sharedBroker('kafka', async scope => {
  const started = await startKafkaBehindProxy(scope)
  proxy = started.proxy
  direct = started.direct
  return started.broker
})
const skip = kafka.missingOwn

const body = Buffer.from('{}')

// An idempotent producer of kafkajs takes nothing but acks=all: this proves both.
test('a record whose confirmation got lost is sent again and is there once', { skip }, async context => {
  const { url } = await kafka.own()
  assert.ok(proxy)
  const opened = await openTopic(context, direct)
  const end = async (): Promise<number> => Number((await opened.admin.fetchTopicOffsets(opened.topic))[0]?.high)
  const sink = await (await opened.connect({ brokers: url })).openSink(channelOf(opened.topic))
  assert.deepEqual(await sink.send([{ body }]), [null])
  proxy.halfOpen('toClient')
  const sending = sink.send([{ body }])
  await until('the broker has it', async () => (await end()) === 2)
  proxy.heal()
  proxy.reset()
  assert.deepEqual(await sending, [null])
  assert.deepEqual(await sink.send([{ body }]), [null])
  assert.equal(await end(), 3)
})
