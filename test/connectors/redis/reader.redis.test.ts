/** Who is a reader, and since when nobody believes it any more. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { createReader, type Reader } from '../../../connectors/redis/reader.ts'
import { streamLeases } from '../../../connectors/redis/stream-leases.ts'
import { READER, streamKeys } from '../../../connectors/redis/stream-scripts.ts'
import { type Clock, systemClock } from '../../../core/clock.ts'
import { silentLog } from '../../../core/log.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { placeOn } from './place.ts'

const redis = sharedBroker('redis')
const skip = redis.missing
const LEASE_MS = 60_000

/** Readers of one stream that each want it alone, by a clock of which the test says how late it is, and without beats. */
const openReaders = async (context: TestContext) => {
  let nowMs = 0
  const clock: Clock = { ...systemClock, monotonic: () => nowMs, after: () => () => {} }
  const made: Reader[] = []
  context.after(async () => {
    for (const each of made) await each.leave()
  })
  const place = await placeOn(context, { url: (await redis.address()).url }, silentLog, clock)
  const keys = streamKeys(`stream-${randomUUID()}`, 'test')
  const { commands, log } = place
  await commands.call('XGROUP', 'CREATE', keys.stream, 'test', '0', 'MKSTREAM')
  const part = { commands, log, address: 'shop/stream', keys, group: 'test' }
  const reader = () => {
    const position = { settledId: undefined }
    const leases = streamLeases(part, { leaseMs: LEASE_MS, sharing: 'alone', position, onReturned: () => {} })
    const tools = { place, leases, address: 'shop/stream', prefix: READER, leaseMs: LEASE_MS, onReturned: () => {} }
    const each = createReader(tools)
    made.push(each)
    return each
  }
  return {
    reader,
    pass: (ms: number) => {
      nowMs += ms
    },
    readers: () => commands.call('ZCARD', keys.readers),
    /** As after an outage that lasted for longer than a lease. */
    endEveryLease: async () => {
      for (const name of (await commands.call('ZRANGE', keys.readers, 0, -1)) as readonly Buffer[])
        await commands.call('ZADD', keys.readers, 1, name)
    },
  }
}

test('a reader that is late has time to come back, however often others look', { skip }, async context => {
  const { reader, pass, endEveryLease } = await openReaders(context)
  const [first, second] = [reader(), reader()]
  assert.ok(await first.joined())
  await endEveryLease()
  for (let look = 0; look < 5; look += 1) {
    assert.equal(await second.joined(), undefined)
    pass(1_000)
  }
  pass(LEASE_MS / 8)
  await second.joined()
  assert.ok(await second.joined(), 'it is late for too long')
})

test('a reader that leaves while it joins is none: the end of its joining is waited for', { skip }, async context => {
  const { reader, readers } = await openReaders(context)
  const made = reader()
  const joining = made.joined()
  await made.leave()
  await joining
  assert.equal(await readers(), 0)
  assert.equal(await made.joined(), undefined, 'and it does not join again')
  assert.equal(await readers(), 0)
})
