/** What queues, topics and streams promise beyond the contract of a source. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { trim } from '../../../connectors/embedded/retention.ts'
import { openChannel } from '../../../connectors/embedded/tables.ts'
import { wakesOf } from '../../../connectors/embedded/wakes.ts'
import { type Clock, systemClock } from '../../../core/clock.ts'
import type { Delivery } from '../../../core/contract.ts'
import { openDatabase } from '../../../core/database.ts'
import { MillraceError } from '../../../core/errors.ts'
import { logTo, silentLog } from '../../../core/log.ts'
import { accept, bodies, nothingMore, numbered, request, take } from '../../../core/testing/contract/reading.ts'
import { type Opened, openEmbedded } from './opened.ts'

const body = (text: string) => ({ body: Buffer.from(text) })

/** A clock whose time of day is set by hand; timers are the system's. */
const setClock = (startMs: number): Clock & { set(ms: number): void } => {
  let nowMs = startMs
  return {
    ...systemClock,
    now: () => nowMs,
    set(ms) {
      nowMs = ms
    },
  }
}

const trimNow = async (opened: Opened, clock: Clock, retention: { ageMs: number; bytes: number }): Promise<void> => {
  const database = openDatabase(opened.stateDir)
  const channel = await openChannel(database, opened.channel, 'unused')
  const place = {
    database,
    wakes: wakesOf(database),
    clock,
    log: silentLog,
    random: () => 0,
    stateDir: opened.stateDir,
  }
  await trim(place, channel, retention)
  await database.close()
}

const stored = (opened: Opened): number =>
  (opened.raw.prepare('SELECT count(*) AS records FROM embedded_records_1').get() as { records: number }).records

test('records of a queue come in order of when they are due, and among equals of when they were sent', async t => {
  const clock = setClock(1_000_000)
  const opened = await openEmbedded(t, { type: 'queue', context: { clock } })
  await opened.send([{ ...body('delayed'), delayMs: 500 }, body('first')])
  clock.set(1_000_400)
  await opened.send([body('second'), body('third')])
  const source = await opened.open()
  assert.deepEqual(bodies(await source.poll(request({ max: 1 }))), ['first'])
  clock.set(1_000_600)
  await opened.send([body('fourth')])
  assert.deepEqual(bodies(await source.poll(request())), ['second', 'third', 'delayed', 'fourth'])
  await source.close()
})

test('a delayed record of a topic waits for each group, also for one that came later', async t => {
  const clock = setClock(1_000_000)
  const opened = await openEmbedded(t, { type: 'topic', context: { clock } })
  const early = await opened.open({ group: 'early' })
  await opened.send([{ ...body('delayed'), delayMs: 500 }])
  const late = await opened.open({ group: 'late' })
  assert.deepEqual(await early.poll(request()), [])
  assert.deepEqual(await late.poll(request()), [])
  clock.set(1_000_500)
  assert.deepEqual(bodies(await early.poll(request())), ['delayed'])
  assert.deepEqual(bodies(await late.poll(request())), ['delayed'])
})

for (const type of ['topic', 'stream'] as const)
  test(`a group on a ${type} can start at a time`, async t => {
    const clock = setClock(1_000_000)
    const opened = await openEmbedded(t, { type, context: { clock }, options: { partitions: 1 } })
    for (let index = 0; index < 9; index += 1) {
      clock.set(1_000_000 + index * 10)
      await opened.send([body(`r${index}`)])
    }
    const source = await opened.open({ start: 1_000_055 })
    assert.deepEqual(bodies(await source.poll(request())), ['r6', 'r7', 'r8'])
  })

test('a topic keeps what a group still has to get, and forgets the rest past its age', async t => {
  const clock = setClock(1_000_000)
  const opened = await openEmbedded(t, { type: 'topic', context: { clock } })
  const source = await opened.open()
  await opened.send(numbered(6).map(body))
  const taken = await source.poll(request({ max: 4 }))
  const [first] = taken
  assert.ok(first)
  await source.settle([...accept(taken.slice(2)), { delivery: first, outcome: 'deferred', attempts: 1, delayMs: 1 }])
  clock.set(2_000_000)
  await trimNow(opened, clock, { ageMs: 1_000, bytes: 1_000_000 })
  assert.equal(stored(opened), 4)
  assert.deepEqual(bodies(await take(opened, source, 3)), ['r4', 'r5', 'r0'])
  await source.settle(accept(taken.slice(1, 2)))
  await source.close()
})

test('a topic beyond its size forgets the oldest records that no group needs', async t => {
  const opened = await openEmbedded(t, { type: 'topic' })
  const source = await opened.open()
  await opened.send(numbered(10).map(body))
  await source.settle(accept(await take(opened, source, 10)))
  await trimNow(opened, systemClock, { ageMs: 1e9, bytes: 6 })
  assert.equal(stored(opened), 3)
  await source.close()
})

test('a position that vanished from a stream resumes at the earliest record, and the gap is logged with its size', async t => {
  const lines: (readonly [string, unknown])[] = []
  const log = logTo((_level, message, fields) => void lines.push([message, fields.records]))
  const clock = setClock(1_000_000)
  const opened = await openEmbedded(t, { type: 'stream', options: { partitions: 1 }, context: { clock, log } })
  const source = await opened.open()
  await opened.send(numbered(4).map(body))
  clock.set(2_000_000)
  await trimNow(opened, clock, { ageMs: 1_000, bytes: 1_000_000 })
  await opened.send([body('new')])
  const taken = await take(opened, source, 1)
  assert.deepEqual(bodies(taken), ['new'])
  assert.deepEqual(
    lines.filter(([message]) => /deleted by retention/.test(message)).map(([, records]) => records),
    [4],
  )
  assert.deepEqual(await source.settle(accept(taken)), [])
  assert.equal(await opened.backlog(), 0)
  await source.close()
})

test('records with one key go to one partition, those without take turns, and a record that had a partition keeps it', async t => {
  const opened = await openEmbedded(t, { type: 'stream', options: { partitions: 4 } })
  const source = await opened.open()
  const lanes = async (count: number) => new Set((await take(opened, source, count)).map((each: Delivery) => each.lane))
  await opened.send(Array.from({ length: 8 }, () => ({ ...body('x'), key: 'same' })))
  assert.equal((await lanes(8)).size, 1)
  await opened.send(Array.from({ length: 8 }, () => body('x')))
  assert.equal((await lanes(8)).size, 4)
  await opened.send([{ ...body('x'), key: 'same', position: { partition: 3 } }])
  assert.deepEqual(await lanes(1), new Set(['3']))
  await source.close()
})

for (const type of ['queue', 'topic', 'stream'] as const)
  test(`settling a ${type} within another's transaction is undone with it`, async t => {
    const opened = await openEmbedded(t, { type, options: { partitions: 1 } })
    const database = openDatabase(opened.stateDir)
    t.after(() => database.close())
    const source = await opened.open()
    await opened.publish(['a'])
    const [delivery] = await take(opened, source, 1)
    assert.ok(delivery)
    const reason = new MillraceError('RECORD_FAILED', 'parked')
    const joint = source.settleWithin?.([{ delivery, outcome: 'rejected', reason }])
    assert.equal(joint?.database, database)
    const failing = database.write(() => {
      joint?.write()
      throw new Error('the store could not park it')
    })
    await assert.rejects(failing, /could not park/)
    assert.equal(await opened.backlog(), 1)
    await database.write(() => joint?.write())
    assert.equal(await opened.backlog(), 0)
    await source.close()
    const again = await opened.open()
    assert.deepEqual(await nothingMore(again), [])
    await again.close()
  })

test('a channel opened as something else is refused with what it is', async t => {
  const opened = await openEmbedded(t, { type: 'queue' })
  await assert.rejects(opened.connection.openSink({ ...opened.channel, type: 'topic' }), {
    code: 'SOURCE_FATAL',
    fatal: true,
    message: /local\/orders is opened as a topic, but the state folder has a queue of that name/,
  })
})

test('a deferral of a stream is answered as not settled', async t => {
  const opened = await openEmbedded(t, { type: 'stream' })
  const source = await opened.open()
  await opened.publish(['a'])
  const [delivery] = await take(opened, source, 1)
  assert.ok(delivery)
  const answers = await source.settle([{ delivery, outcome: 'deferred', attempts: 1, delayMs: 10 }])
  assert.deepEqual(
    answers.map(each => each.error.code),
    ['SETTLE_FAILED'],
  )
  await source.close()
})

test('a batch settled one record at a time, from both ends, leaves nothing behind', async t => {
  const opened = await openEmbedded(t, { type: 'queue' })
  const source = await opened.open()
  await opened.publish(numbered(20))
  const taken = await take(opened, source, 20)
  const inwards = taken.flatMap((each, index) => (index < 10 ? [each, taken[19 - index] ?? each] : []))
  await Promise.all(inwards.map(each => source.settle(accept([each]))))
  assert.equal(await opened.backlog(), 0)
  const { claims } = opened.raw.prepare('SELECT count(*) AS claims FROM embedded_claims').get() as { claims: number }
  assert.equal(claims, 0)
  await source.close()
})
