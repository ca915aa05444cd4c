import assert from 'node:assert/strict'
import { test } from 'node:test'
import kafkajs from 'kafkajs'
import type { EventRecord } from '../../../core/contract.ts'
import { request } from '../../../core/testing/contract/reading.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { channelOf, openTopic } from './opened.ts'

const kafka = sharedBroker('kafka')
const skip = kafka.missing

const everyByte = Uint8Array.from({ length: 256 }, (_, byte) => byte)

test('bodies, keys and headers of any bytes arrive unchanged, tombstones and repeated names too', {
  skip,
}, async context => {
  const opened = await openTopic(context, (await kafka.address()).url)
  await opened.publish([
    { key: Buffer.from(everyByte), value: Buffer.from(everyByte) },
    { key: 'gone', value: null },
    { key: null, value: Buffer.from('not JSON {') },
    { key: '', value: Buffer.alloc(0) },
    {
      value: 'h',
      headers: { trace: ['first', Buffer.from(everyByte)], one: 'x', empty: '' },
      timestamp: '1700000000123',
    },
  ])
  const source = await opened.open()
  const records: EventRecord[] = []
  while (records.length < 5) {
    const taken = await source.poll(request({ waitMs: 10_000 }))
    assert.ok(taken.length > 0)
    records.push(...taken.map(({ record }) => record))
  }
  assert.deepEqual(
    records.map(({ key, body }) => [key, body]),
    [
      [everyByte, everyByte],
      ['gone', null],
      [null, new Uint8Array(Buffer.from('not JSON {'))],
      ['', new Uint8Array()],
      [null, new Uint8Array(Buffer.from('h'))],
    ],
  )
  const last = records[4]
  assert.deepEqual(last?.headers, [
    ['trace', new Uint8Array(Buffer.from('first'))],
    ['trace', everyByte],
    ['one', new Uint8Array(Buffer.from('x'))],
    ['empty', new Uint8Array()],
  ])
  assert.equal(last?.time, 1_700_000_000_123)
  assert.deepEqual(last?.position, { topic: opened.topic, partition: 0, offset: 4 })
  await source.close()
})

test('what the sink sends arrives as it was sent, in the partition that Java chooses or the one it had', {
  skip,
}, async context => {
  const opened = await openTopic(context, (await kafka.address()).url, { partitions: 4 })
  const sink = await (await opened.connect()).openSink(channelOf(opened.topic))
  const keys = ['a', 'b', 'c', Uint8Array.of(0xff, 0), Uint8Array.of(1)]
  const sent = await sink.send([
    ...keys.map(key => ({
      key,
      body: everyByte,
      headers: [
        ['n', 1],
        ['n', everyByte],
      ] as const,
      time: 1_700_000_000_000,
    })),
    { key: 'a', body: null, position: { partition: 3 } },
    { key: 'a', body: null, position: { partition: 99 } },
  ])
  assert.deepEqual(sent, Array(7).fill(null))
  const source = await opened.open()
  const records: EventRecord[] = []
  while (records.length < 7)
    records.push(...(await source.poll(request({ waitMs: 10_000 }))).map(({ record }) => record))
  const java = kafkajs.Partitioners.JavaCompatiblePartitioner()
  const partitionMetadata = [0, 1, 2, 3].map(partitionId => ({
    partitionId,
    partitionErrorCode: 0,
    leader: 1,
    replicas: [1],
    isr: [1],
  }))
  const chosen = (key: string | Uint8Array): number =>
    java({ topic: opened.topic, partitionMetadata, message: { key: Buffer.from(key), value: null } })
  for (const record of records.filter(({ body }) => body !== null)) {
    assert.equal(record.position?.partition, chosen(record.key ?? ''))
    assert.deepEqual(record.body, everyByte)
    assert.deepEqual(record.headers, [
      ['n', new Uint8Array(Buffer.from('1'))],
      ['n', everyByte],
    ])
    assert.equal(record.time, 1_700_000_000_000)
  }
  const tombstones = records.filter(({ body }) => body === null).map(({ position }) => position?.partition)
  assert.deepEqual(tombstones.sort(), [3, chosen('a')].sort())
  await source.close()
})

test('one record that the broker refuses does not fail the others that were sent with it', { skip }, async context => {
  const opened = await openTopic(context, (await kafka.address()).url)
  const sink = await (await opened.connect()).openSink(channelOf(opened.topic))
  const outcomes = await sink.send([
    { body: everyByte },
    { body: new Uint8Array(3_000_000) },
    { body: everyByte, delayMs: 5 },
    { body: everyByte },
  ])
  assert.deepEqual(
    outcomes.map(outcome => outcome?.code ?? 'confirmed'),
    ['confirmed', 'SEND_FAILED', 'SEND_INVALID', 'confirmed'],
  )
  const source = await opened.open()
  const taken = await source.poll(request({ max: 10, waitMs: 10_000 }))
  assert.equal(taken.length, 2)
  await source.close()
})
