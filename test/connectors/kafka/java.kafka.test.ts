import assert from 'node:assert/strict'
import { test } from 'node:test'
import kafkajs from 'kafkajs'
import { COMPRESSION_TYPES, type Compression } from '../../../connectors/kafka/compression.ts'
import type { EventRecord, Source } from '../../../core/contract.ts'
import { accept, request } from '../../../core/testing/contract/reading.ts'
import { type JavaRecord, javaConsume, javaMissing, javaProduce } from '../../support/brokers/kafka-java.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { channelOf, openTopic } from './opened.ts'

const kafka = sharedBroker('kafka')
const skip = javaMissing()

const records = (count: number): readonly JavaRecord[] =>
  Array.from({ length: count }, (_, index) => ({ key: `k${index % 7}`, value: `{"order":${index},"of":"somebody"}` }))

const readAll = async (source: Source, count: number): Promise<readonly EventRecord[]> => {
  const found: EventRecord[] = []
  while (found.length < count) {
    const taken = await source.poll(request({ max: 1_000, maxPerLane: 1_000, waitMs: 20_000 }))
    assert.ok(taken.length > 0, `${found.length} of ${count} came`)
    found.push(...taken.map(({ record }) => record))
    await source.settle(accept(taken))
  }
  return found
}

const text = (bytes: Uint8Array | null): string => Buffer.from(bytes ?? []).toString()
const plain = ({ key, body }: EventRecord): JavaRecord => ({ key: String(key), value: text(body) })
const sorted = (list: readonly JavaRecord[]) => list.map(({ key, value }) => `${key} ${value}`).toSorted()

type Work = 'compress' | 'decompress'

/** How often the codec works from here on: what is not compressed at all is read by everybody, too. */
const count = (compression: Compression, work: Work): (() => number) => {
  const codecs: Record<number, () => Record<Work, (what: unknown) => Promise<Buffer>>> = kafkajs.CompressionCodecs
  const codec = codecs[COMPRESSION_TYPES[compression]]?.()
  if (!codec) return () => 0
  const run = codec[work]
  let times = 0
  codec[work] = what => {
    times += 1
    return run(what)
  }
  return () => times
}

const COMPRESSIONS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

for (const compression of COMPRESSIONS)
  test(`what Java's producer sends in ${compression} is read`, { skip }, async context => {
    const opened = await openTopic(context, (await kafka.address()).url)
    const sent = records(2_000)
    await javaProduce(opened.brokers, opened.topic, sent, compression)
    await opened.connect()
    const unpacked = count(compression, 'decompress')
    const source = await opened.open()
    assert.deepEqual((await readAll(source, sent.length)).map(plain), sent)
    assert.equal(unpacked() > 0, compression !== 'none')
    await source.close()
  })

test("what the sink sends in each compression is read by Java's consumer", { skip }, async context => {
  const opened = await openTopic(context, (await kafka.address()).url)
  const connection = await opened.connect()
  const all: JavaRecord[] = []
  for (const compression of COMPRESSIONS) {
    const sink = await connection.openSink({ ...channelOf(opened.topic), options: { compression } })
    const sent = records(400).map(({ key, value }) => ({ key, value: `${compression} ${value}` }))
    const packed = count(compression, 'compress')
    const outcomes = await sink.send(sent.map(({ key, value }) => ({ key, body: Buffer.from(value) })))
    assert.ok(outcomes.every(outcome => outcome === null))
    assert.equal(packed(), compression === 'none' ? 0 : 1)
    all.push(...sent)
  }
  const read = await javaConsume(opened.brokers, opened.topic, all.length)
  assert.deepEqual(
    read.map(({ key, value }) => ({ key, value })),
    all,
  )
})

test('a key goes to the partition that Java chooses for it, for a thousand of them', { skip }, async context => {
  const opened = await openTopic(context, (await kafka.address()).url, { partitions: 13 })
  const ours = await openTopic(context, opened.brokers, { partitions: 13 })
  const keys = Array.from({ length: 1_000 }, (_, index) => `${'kö'.repeat(index % 5)}${(index * 2_654_435_761) % 1e9}`)
  const sent = keys.map((key, index) => ({ key, value: String(index) }))
  await javaProduce(opened.brokers, opened.topic, sent)
  const sink = await (await ours.connect()).openSink(channelOf(ours.topic))
  await sink.send(sent.map(({ key, value }) => ({ key, body: Buffer.from(value) })))
  const partitionsIn = async (topic: typeof opened): Promise<readonly string[]> => {
    const source = await topic.open()
    const found = await readAll(source, keys.length)
    await source.close()
    return found.map(record => `${record.key} in ${record.position?.partition}`).toSorted()
  }
  assert.deepEqual(await partitionsIn(ours), await partitionsIn(opened))
  assert.deepEqual(sorted(sent).length, 1_000)
})
