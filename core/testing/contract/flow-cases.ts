import assert from 'node:assert/strict'
import type { OutgoingRecord } from '../../contract.ts'
import type { SourceCase } from './harness.ts'
import { accept, bodies, nothingMore, numbered, release, request, take } from './reading.ts'

export const flowCases: readonly SourceCase[] = [
  {
    promise: 'what was unsettled at a crash comes again, and says that a claim ended without a verdict',
    async run(harness) {
      await harness.publish(numbered(5))
      await harness.crash(3)
      const source = await harness.open()
      const taken = await take(harness, source, 5)
      assert.deepEqual(bodies(taken), numbered(5))
      assert.deepEqual(
        taken.map(each => each.priorDeliveries),
        [1, 1, 1, 0, 0],
      )
      assert.deepEqual(
        taken.map(each => each.attempts),
        [0, 0, 0, 0, 0],
      )
      assert.deepEqual(await source.settle(accept(taken)), [])
      await source.close()
    },
  },
  {
    promise: 'close gives unsettled records back, and may be called twice',
    async run(harness) {
      const source = await harness.open()
      await harness.publish(numbered(3))
      await take(harness, source, 3)
      await Promise.all([source.close(), source.close()])
      await source.close()
      const again = await harness.open()
      const taken = await take(harness, again, 3)
      assert.deepEqual(bodies(taken), numbered(3))
      assert.deepEqual(
        taken.map(each => each.priorDeliveries ?? 0),
        [0, 0, 0],
      )
      await again.close()
    },
  },
  {
    promise: 'close ends a poll that waits',
    async run(harness) {
      const source = await harness.open()
      const polled = source.poll(request({ waitMs: harness.patienceMs ?? 60_000 }))
      await source.close()
      assert.deepEqual(await polled, [])
    },
  },
  {
    promise: 'the id is the same on redelivery, or is marked weak',
    async run(harness) {
      const source = await harness.open()
      await harness.publish(numbered(4))
      const taken = await take(harness, source, 4)
      assert.equal(new Set(taken.map(each => each.record.id)).size, 4)
      await source.close()
      const again = await harness.open()
      const second = await take(harness, again, 4)
      for (const [index, each] of second.entries())
        if (each.record.idStrength === 'stable') assert.deepEqual(each.record, taken[index]?.record)
      await again.close()
    },
  },
  {
    promise: 'a body, key or header of any bytes arrives unchanged',
    async run(harness) {
      const source = await harness.open()
      const sent = oddRecords()
      for (const record of sent) await harness.send([record])
      const taken = new Map((await take(harness, source, sent.length)).map(each => [each.record.id, each.record]))
      for (const expected of sent) {
        const { key, headers, body } = taken.get(expected.id ?? '') ?? {}
        assert.deepEqual(
          { key, headers, body },
          { key: expected.key ?? null, headers: expected.headers ?? [], body: expected.body },
        )
      }
      await source.close()
    },
  },
  {
    promise: 'start applies once, to a reader without a position',
    async run(harness) {
      await harness.publish(['before'])
      const source = await harness.open({ group: 'late', start: 'latest' })
      assert.deepEqual(await nothingMore(source), [])
      await source.close()
      await harness.publish(['while it was away'])
      const again = await harness.open({ group: 'late', start: 'latest' })
      assert.deepEqual(bodies(await take(harness, again, 1)), ['while it was away'])
      assert.deepEqual(await nothingMore(again), [])
      await again.close()
    },
  },
  {
    promise: 'a group gets every record, whatever other groups did',
    async run(harness) {
      await harness.publish(numbered(3))
      const one = await harness.open({ group: 'one' })
      assert.deepEqual(await one.settle(accept(await take(harness, one, 3))), [])
      const other = await harness.open({ group: 'other' })
      assert.deepEqual(bodies(await take(harness, other, 3)), numbered(3))
      assert.deepEqual(await nothingMore(one), [])
      await one.close()
      await other.close()
    },
  },
  {
    promise: 'lag counts what is not settled, claimed records included',
    async run(harness) {
      const source = await harness.open()
      await harness.publish(numbered(5))
      const taken = await take(harness, source, 2)
      const lag = async () => ((await source.lag?.()) ?? []).reduce((sum, each) => sum + each.records, 0)
      assert.equal(await lag(), 5)
      assert.deepEqual(await source.settle(accept(taken)), [])
      assert.equal(await lag(), 3)
      await source.close()
    },
  },
  {
    promise: 'a thousand records, some given back, all come and none is lost',
    async run(harness) {
      const source = await harness.open()
      await harness.publish(numbered(1_000))
      const done = new Set<string>()
      for (let round = 0; done.size < 1_000; round += 1) {
        const taken = await source.poll(request({ max: 70, waitMs: harness.patienceMs ?? 10_000 }))
        if (taken.length === 0) break
        const keep = taken.filter((_, index) => round % 5 !== 0 || index < 20)
        const back = taken.filter(each => !keep.includes(each))
        assert.deepEqual(await source.settle([...accept(keep), ...release(back, 1)]), [])
        for (const body of bodies(keep)) done.add(body)
      }
      assert.deepEqual([...done].sort(), [...numbered(1_000)].sort())
      assert.equal(await harness.backlog(), 0)
      await source.close()
    },
  },
]

const everyByte = Uint8Array.from({ length: 256 }, (_, byte) => byte)

const oddRecords = (): readonly OutgoingRecord[] => [
  { id: 'every byte', body: everyByte, key: everyByte },
  { id: 'nothing', body: new Uint8Array(), key: '' },
  { id: 'tombstone', body: null, key: 'gone' },
  { id: 'not text', body: Uint8Array.of(0xff, 0xfe, 0x00, 0xc3), key: Uint8Array.of(0x00, 0xff) },
  { id: 'text with a null', body: new Uint8Array(Buffer.from('a\0b')), key: 'a\0b' },
  { id: 'ten megabytes', body: new Uint8Array(10_000_000).fill(7) },
  {
    id: 'headers',
    body: Uint8Array.of(1),
    headers: [
      ['twice', 'first'],
      ['twice', everyByte],
      ['big', 2n ** 70n],
      ['time', new Date(5)],
      ['nested', { list: [1, null, true, { $bytes: 'not bytes' }] }],
      ['half a pair', '\ud800'],
    ],
  },
]
