import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MillraceError } from '../../../core/errors.ts'
import { logTo } from '../../../core/log.ts'
import {
  accept,
  bodies,
  nothingMore,
  numbered,
  release,
  request,
  take,
} from '../../../core/testing/contract/reading.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { until } from '../../support/until.ts'
import { type OpenedStream, openTestStream } from './stream-opened.ts'

const redis = sharedBroker('redis')
const skip = redis.missing
/** FLUSHALL takes everything with it. */
const skipOwn = redis.missingOwn

const collected = () => {
  const lines: string[] = []
  return { lines, log: logTo((level, message) => lines.push(`${level} ${message}`)) }
}

/** Its only reader has renewed its lease so often: by then it knows how far the group is. */
const beats = async ({ raw, keys }: OpenedStream, count: number): Promise<void> => {
  const lease = async () => (await raw.zrange(keys.readers, 0, '0', 'WITHSCORES'))[1]
  for (let seen = 0; seen < count; seen += 1) {
    const before = await lease()
    await until('a lease is renewed', async () => (await lease()) !== before)
  }
}

test('after FLUSHALL reading goes on with what comes then, and the log says that the group was gone', {
  skip: skipOwn,
}, async context => {
  const stream = await openTestStream(context, (await redis.own()).url)
  const { lines, log } = collected()
  const source = await stream.openWith({}, log)
  await stream.publish(numbered(3))
  const held = await take(stream, source, 3)
  await stream.raw.flushall()
  assert.deepEqual(await source.settle(accept(held)), [])
  await stream.publish(['after'])
  assert.deepEqual(bodies(await take(stream, source, 1)), ['after'])
  await until('the log says so', () => lines.some(line => /warn .*the group test was gone/.test(line)))
})

test('a stream that is made anew with ids that begin again is read from its first entry', { skip }, async context => {
  const stream = await openTestStream(context, (await redis.address()).url)
  const source = await stream.open()
  await stream.raw.xadd(stream.channel.name, '900-0', 'body', 'old')
  assert.deepEqual(await source.settle(accept(await take(stream, source, 1))), [])
  await stream.raw.del(stream.channel.name)
  for (const id of ['1-0', '2-0']) await stream.raw.xadd(stream.channel.name, id, 'body', id)
  const taken = await take(stream, source, 2)
  assert.deepEqual(bodies(taken), ['1-0', '2-0'])
  assert.deepEqual(await source.settle(accept(taken)), [])
  assert.equal(await stream.backlog(), 0)
})

test('a group that was destroyed begins again at what is not settled; nothing is skipped', { skip }, async context => {
  const stream = await openTestStream(context, (await redis.address()).url)
  const source = await stream.open()
  await stream.publish(numbered(6))
  const taken = await take(stream, source, 4)
  assert.deepEqual(await source.settle(accept(taken.slice(0, 2))), [])
  await beats(stream, 2)
  await stream.raw.xgroup('DESTROY', stream.channel.name, 'test')
  const seen = new Set<string>()
  await until('what was unsettled or unread came', async () => {
    const found = await source.poll(request({ waitMs: 500 }))
    for (const body of bodies(found)) seen.add(body)
    assert.deepEqual(await source.settle(accept(found)), [])
    return ['r2', 'r3', 'r4', 'r5'].every(body => seen.has(body))
  })
  assert.ok(!seen.has('r0'), 'what was settled before the first unsettled one does not come again')
  assert.deepEqual(await source.settle(accept(taken.slice(2))), [])
  assert.equal(await stream.backlog(), 0)
})

test('a key of another type is fatal, when opening and while reading', { skip }, async context => {
  const stream = await openTestStream(context, (await redis.address()).url)
  const wrong = (error: MillraceError): boolean => {
    assert.equal(error.fatal, true)
    assert.match(error.message, /WRONGTYPE.*check the name and the kind of the channel/)
    return true
  }
  const source = await stream.open()
  await stream.raw.set(stream.channel.name, 'a string')
  await assert.rejects(source.poll(request()), wrong)
  await assert.rejects(stream.open(), wrong)
})

test('entries that are trimmed away before they were read are counted in the log, and the rest is read', {
  skip,
}, async context => {
  const stream = await openTestStream(context, (await redis.address()).url)
  const { lines, log } = collected()
  const source = await stream.openWith({}, log)
  await stream.publish(numbered(10))
  assert.deepEqual(await source.settle(accept(await take(stream, source, 2))), [])
  await stream.raw.xtrim(stream.channel.name, 'MAXLEN', 3)
  await until('the log says so', () =>
    lines.some(line => /warn .*5 entries were removed .* before group test/.test(line)),
  )
  const rest = await take(stream, source, 3)
  assert.deepEqual(bodies(rest), ['r7', 'r8', 'r9'])
  assert.deepEqual(await source.settle(accept(rest)), [])
  assert.deepEqual(await source.lag?.(), [{ lane: stream.channel.name, records: 0 }])
})

test('entries that are trimmed away while they wait, or after a reader died with them, are counted as lost', {
  skip,
}, async context => {
  const stream = await openTestStream(context, (await redis.address()).url)
  await stream.publish(numbered(4))
  await stream.crash(2)
  const { lines, log } = collected()
  const source = await stream.openWith({}, log)
  await until('the dead reader is noticed', async () => (await stream.raw.zcard(stream.keys.waiting)) === 2)
  await stream.raw.xtrim(stream.channel.name, 'MAXLEN', 1)
  const taken = await take(stream, source, 1)
  assert.deepEqual(bodies(taken), ['r3'])
  assert.deepEqual(await source.settle(accept(taken)), [])
  assert.deepEqual(await nothingMore(source), [])
  const lost = lines.map(line => /warn .* (\d+) record\(s\) that waited were removed/.exec(line)?.[1] ?? 0)
  assert.equal(
    lost.reduce<number>((sum, count) => sum + Number(count), 0),
    2,
  )
  assert.equal(await stream.raw.exists(stream.keys.waiting, stream.keys.notes), 0, 'nothing is kept of them')
})

test('an entry that is deleted while its function runs is settled like the others', { skip }, async context => {
  const stream = await openTestStream(context, (await redis.address()).url)
  const source = await stream.open()
  await stream.publish(numbered(2))
  const taken = await take(stream, source, 2)
  for (const { record } of taken) await stream.raw.xdel(stream.channel.name, String(record.position?.id))
  const [first, second] = taken
  assert.ok(first && second)
  const verdicts = [
    { delivery: first, outcome: 'accepted' },
    { delivery: second, outcome: 'released', attempts: 1 },
  ] as const
  assert.deepEqual(await source.settle(verdicts), [])
  assert.deepEqual(await nothingMore(source), [])
  assert.deepEqual(await stream.raw.xpending(stream.channel.name, 'test'), [0, null, null, null])
})

test('what is given back after its stream was deleted is counted as lost', { skip }, async context => {
  const stream = await openTestStream(context, (await redis.address()).url)
  const { lines, log } = collected()
  const source = await stream.openWith({}, log)
  await stream.publish(numbered(3))
  const taken = await take(stream, source, 3)
  await stream.raw.del(stream.channel.name)
  const told = async () => (await source.settle(release(taken))).length === 0
  await until('the verdicts are taken', told)
  assert.match(lines.join('\n'), /warn .*3 record\(s\) that waited were removed from the stream/)
})
