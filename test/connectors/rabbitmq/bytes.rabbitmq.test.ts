/** Bodies, keys and headers of any bytes, as an independent client sends them and as our own sink does. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accept, release, take } from '../../../core/testing/contract/reading.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { openQueue } from './opened.ts'

const rabbitmq = sharedBroker('rabbitmq')
const skip = rabbitmq.missing
const harness = { patienceMs: 10_000 } as never
const everyByte = Uint8Array.from({ length: 256 }, (_, byte) => byte)

const bodies: readonly Uint8Array[] = [
  everyByte,
  new Uint8Array(),
  Uint8Array.of(0xff, 0xfe, 0x00, 0xc3),
  new Uint8Array(Buffer.from('{"not":"json')),
  new Uint8Array(10_000_000).fill(7),
]

for (const type of ['quorum', 'classic'])
  test(`a body of any bytes arrives as it was sent, also when it comes again, from a ${type} queue`, {
    skip,
  }, async context => {
    const opened = await openQueue(context, (await rabbitmq.address()).url, { type })
    const source = await opened.open()
    await opened.publish(bodies)
    const taken = await take(harness, source, bodies.length)
    assert.deepEqual(
      taken.map(({ record }) => record.body),
      bodies,
    )
    assert.deepEqual(await source.settle(release(taken, 1)), [])
    const again = await take(harness, source, bodies.length)
    assert.deepEqual(
      again.map(({ record }) => record.body),
      bodies,
    )
    assert.deepEqual(await source.settle(accept(again)), [])
    await source.close()
  })

test('keys of any bytes, empty ones and records without a body come as they were sent', { skip }, async context => {
  const opened = await openQueue(context, (await rabbitmq.address()).url)
  const source = await opened.open()
  const sink = await (await opened.connect()).openSink(opened.channel)
  const sent = [
    { key: everyByte, body: everyByte },
    { key: '', body: new Uint8Array() },
    { key: 'gone', body: null },
    { key: Uint8Array.of(0x00, 0xff), body: Uint8Array.of(1) },
    { key: 'a\0b', body: Uint8Array.of(2) },
    { key: null, body: Uint8Array.of(3) },
  ]
  assert.deepEqual(
    await sink.send(sent),
    sent.map(() => null),
  )
  const taken = await take(harness, source, sent.length)
  assert.deepEqual(
    taken.map(({ record: { key, body } }) => ({ key, body })),
    sent,
  )
  await source.close()
})

test('nearly 64 KiB of headers arrive, and come again with what travels; what would grow beyond goes back as it came', {
  skip,
}, async context => {
  const opened = await openQueue(context, (await rabbitmq.address()).url)
  const source = await opened.open()
  const large = { note: 'x'.repeat(60_000) }
  await opened.publish(['large'], { headers: large })
  const first = await take(harness, source, 1)
  assert.deepEqual(first[0]?.record.headers, [['note', large.note]])
  assert.deepEqual(await source.settle(release(first, 1)), [])
  const again = await take(harness, source, 1)
  assert.deepEqual([again[0]?.attempts, again[0]?.record.headers], [1, [['note', large.note]]])
  assert.deepEqual(await source.settle(accept(again)), [])

  await opened.publish(['too large to grow'], { headers: { note: 'x'.repeat(65_400) } })
  const grown = await take(harness, source, 1)
  assert.equal(grown.length, 1)
  assert.deepEqual(await source.settle(release(grown, 1)), [])
  const asItCame = await take(harness, source, 1)
  assert.deepEqual([asItCame[0]?.attempts, asItCame[0]?.record.headers], [0, grown[0]?.record.headers])
  assert.deepEqual(await source.settle(accept(asItCame)), [])
  await source.close()
})
