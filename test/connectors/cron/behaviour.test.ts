/** What a schedule does when slots were missed, overlap, are read by many, or by a process that is killed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CronOptions } from '../../../connectors/cron/channel.ts'
import type { Delivery, Source } from '../../../core/contract.ts'
import { logTo } from '../../../core/log.ts'
import { accept, nothingMore, release, request } from '../../../core/testing/contract/reading.ts'
import type { Child } from '../../support/child.ts'
import { until } from '../../support/until.ts'
import { NOON, openCron } from './opened.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

const times = (deliveries: readonly Delivery[]): readonly string[] =>
  deliveries.map(({ record }) => new Date(record.time).toISOString().slice(11, 16))

const pollAll = (source: Source): Promise<readonly Delivery[]> => source.poll(request({ waitMs: 50 }))

test('a slot is a record: a stable id, no key, where it stands, and what it says in the body', async t => {
  const opened = await openCron(t, { at: '30 14 * * *', zone: 'Europe/Berlin' })
  const source = await opened.open()
  opened.setWall(NOON + 30 * MINUTE_MS)
  const [delivery] = await pollAll(source)
  assert.ok(delivery)
  const { body, ...record } = delivery.record
  assert.deepEqual(record, {
    id: 'cron:nightly:2026-07-01T12:30:00Z',
    idStrength: 'stable',
    source: 'cron/nightly',
    time: NOON + 30 * MINUTE_MS,
    key: null,
    headers: [],
    position: { schedule: 'nightly', slot: '2026-07-01T12:30:00Z' },
  })
  assert.deepEqual(JSON.parse(Buffer.from(body ?? []).toString()), {
    schedule: 'nightly',
    slot: '2026-07-01T12:30:00Z',
    local: '2026-07-01T14:30:00+02:00',
    zone: 'Europe/Berlin',
  })
})

test('a poll that waits gets a slot when it is due, not before and hardly later', async t => {
  const opened = await openCron(t, { at: '30 12 * * *' })
  const source = await opened.open()
  opened.setWall(NOON + 30 * MINUTE_MS - 300)
  const taken = await source.poll(request({ waitMs: 5_000 }))
  assert.deepEqual(times(taken), ['12:30'])
  const lateMs = opened.now() - (NOON + 30 * MINUTE_MS)
  assert.ok(lateMs >= 0 && lateMs < 2_000, `${lateMs} ms late`)
})

const missed = async (
  t: Parameters<typeof openCron>[0],
  options: CronOptions,
  awayMs: number,
): Promise<readonly string[]> => {
  const opened = await openCron(t, options)
  await (await opened.open()).close()
  opened.setWall(NOON + awayMs)
  return times(await pollAll(await opened.open()))
}

for (const [policy, expected] of [
  ['none', ['17:00']],
  ['latest', ['17:00']],
  [{ all: 2 }, ['15:00', '16:00', '17:00']],
  [{ all: 9 }, ['13:00', '14:00', '15:00', '16:00', '17:00']],
] as const)
  test(`missed ${JSON.stringify(policy)}: back ten seconds after a slot, it and these are run`, async t => {
    assert.deepEqual(await missed(t, { every: '1h', missed: policy }, 5 * HOUR_MS + 10_000), expected)
  })

for (const [policy, expected] of [
  ['none', []],
  ['latest', ['17:00']],
  [{ all: 2 }, ['16:00', '17:00']],
] as const)
  test(`missed ${JSON.stringify(policy)}: back ten minutes after the last slot, these are run`, async t => {
    assert.deepEqual(await missed(t, { every: '1h', missed: policy }, 5 * HOUR_MS + 10 * MINUTE_MS), expected)
  })

test('what was missed and is not run is said in the log, once', async t => {
  const lines: string[] = []
  const opened = await openCron(t, { every: '1h', missed: 'none' }, { log: logTo((_level, line) => lines.push(line)) })
  const source = await opened.open()
  await source.pause()
  opened.setWall(NOON + 2 * HOUR_MS + 10 * MINUTE_MS)
  await source.resume()
  assert.deepEqual(await nothingMore(source), [])
  assert.equal(lines.length, 1)
  assert.match(lines[0] ?? '', /^cron\/nightly: slots were missed since 2026-07-01T12:00:00\.\d+Z and will not be run$/)
  opened.setWall(NOON + 3 * HOUR_MS)
  assert.deepEqual(times(await pollAll(source)), ['15:00'])
})

test('a year without anybody costs no look at every second of it', async t => {
  const opened = await openCron(t, { at: '* * * * * *', missed: { all: 3 } })
  await (await opened.open()).close()
  opened.setWall(NOON + 365 * 24 * HOUR_MS)
  const source = await opened.open()
  const begun = performance.now()
  assert.ok((await source.poll(request({ waitMs: 1_000 }))).length > 3)
  assert.ok(performance.now() - begun < 1_000)
})

test('a schedule that is another now has no past: nothing is due that was never scheduled', async t => {
  const first = await openCron(t, { every: '1h', missed: { all: 9 } })
  await (await first.open()).close()
  const second = await openCron(t, { every: '10m', missed: { all: 99 } }, { stateDir: first.stateDir })
  second.setWall(NOON + 5 * HOUR_MS)
  assert.deepEqual(await nothingMore(await second.open()), [])
})

/** Two slots come due while the first is claimed; then the first is done. */
const overlapping = async (t: Parameters<typeof openCron>[0], overlap: 'allow' | 'queue' | 'skip') => {
  const opened = await openCron(t, { every: '1m', overlap })
  const source = await opened.open()
  const at = async (minute: number): Promise<readonly Delivery[]> => {
    opened.setWall(NOON + minute * MINUTE_MS)
    return pollAll(source)
  }
  const first = await at(1)
  const during = [...(await at(2)), ...(await at(3))]
  assert.deepEqual(await source.settle(accept(first)), [])
  const after = await pollAll(source)
  assert.deepEqual(await source.settle(accept([...during, ...after])), [])
  const later = await at(4)
  return { first: times(first), during: times(during), after: times(after), later: times(later) }
}

for (const [overlap, expected] of [
  ['allow', { first: ['12:01'], during: ['12:02', '12:03'], after: [], later: ['12:04'] }],
  ['queue', { first: ['12:01'], during: [], after: ['12:02'], later: ['12:03'] }],
  ['skip', { first: ['12:01'], during: [], after: [], later: ['12:04'] }],
] as const)
  test(`overlap ${overlap}: a slot while an earlier one is not finished`, async t => {
    assert.deepEqual(await overlapping(t, overlap), expected)
  })

test('overlap skip leaves out what comes while there is no credit, too: it was not missed', async t => {
  const opened = await openCron(t, { every: '1s', overlap: 'skip' })
  const source = await opened.open()
  const [first] = await source.poll(request({ waitMs: 5_000 }))
  assert.ok(first)
  const last = (): number => (opened.raw.prepare('SELECT last FROM cron_readers').get() as { last: number }).last
  await until('the next slots are entered though nobody polls', () => last() >= first.record.time + 2_000)
  assert.deepEqual(await source.settle(release([first], 1)), [])
  const [again] = await source.poll(request({ waitMs: 500 }))
  assert.deepEqual([again?.record.id, again?.attempts], [first.record.id, 1])
})

test('with jitter each slot is run up to so much later; its id and time are those of the slot', async t => {
  // Chance is a half, always.
  const opened = await openCron(t, { every: '1h', jitter: '10m' })
  const source = await opened.open()
  opened.setWall(NOON + HOUR_MS + 299_000)
  assert.deepEqual(await pollAll(source), [])
  opened.setWall(NOON + HOUR_MS + 301_000)
  const [delivery] = await pollAll(source)
  assert.deepEqual([delivery?.record.time, delivery?.record.position?.slot], [NOON + HOUR_MS, '2026-07-01T13:00:00Z'])
})

test('no more slots than maxWaiting pile up, and the log says what was left out', async t => {
  const lines: string[] = []
  const log = logTo((_level, message) => lines.push(message))
  const opened = await openCron(t, { every: '1m', overlap: 'queue', maxWaiting: 3, missed: { all: 10 } }, { log })
  const source = await opened.open()
  opened.setWall(NOON + 10 * 60_000)
  const [first] = await pollAll(source)
  assert.equal(first?.record.time, NOON + 60_000)
  assert.equal(await source.lag?.().then(([lag]) => lag?.records), 3)
  assert.match(lines.join('\n'), /7 slot\(s\) left out, 3 are not finished \(maxWaiting\)/)
})

test('every group gets every slot', async t => {
  const opened = await openCron(t, { every: '1h' })
  const [one, other] = [await opened.open({ group: 'one' }), await opened.open({ group: 'other' })]
  opened.setWall(NOON + HOUR_MS)
  assert.deepEqual([times(await pollAll(one)), times(await pollAll(other))], [['13:00'], ['13:00']])
})

test('a disk that cannot be written leaves a verdict unsettled, to be tried again', async t => {
  const opened = await openCron(t, { every: '1h' })
  const source = await opened.open()
  opened.setWall(NOON + HOUR_MS)
  const taken = await pollAll(source)
  opened.raw.exec('ALTER TABLE cron_slots RENAME TO hidden')
  const unsettled = await source.settle(accept(taken))
  assert.deepEqual(
    unsettled.map(({ delivery, error }) => [delivery === taken[0], error.code]),
    [[true, 'STATE_UNAVAILABLE']],
  )
  opened.raw.exec('ALTER TABLE hidden RENAME TO cron_slots')
  assert.deepEqual(await source.settle(accept(taken)), [])
  assert.deepEqual(await source.lag?.(), [{ lane: '0', records: 0 }])
})

test('nothing can be sent to a schedule', async t => {
  const opened = await openCron(t, { every: '1h' })
  await assert.rejects(opened.connection.openSink(opened.channel), { code: 'SEND_INVALID', fatal: true })
})

const said = (children: readonly Child[], word: 'has' | 'done'): readonly string[] =>
  children.flatMap(child =>
    [...child.output().matchAll(new RegExp(`^${word} (.*)$`, 'gm'))].map(([, rest = '']) => rest),
  )

test('three processes: each slot once, and what the one that is killed had comes again, named so', async t => {
  const opened = await openCron(t, { every: '1s' })
  const children = [opened.reader('work'), opened.reader('work'), opened.reader('work')]
  await Promise.all(children.map(child => child.line(/^open/)))
  const busy = await until('one of them has a slot', () =>
    children.find(child => said([child], 'has').length > said([child], 'done').length),
  )
  busy.kill('SIGKILL')
  await busy.ended
  const [held = ''] = said([busy], 'has').slice(-1)
  const id = held.split(' ')[0] ?? ''
  await until('enough slots are done', () => said(children, 'done').length >= 5)
  const claims = said(children, 'has')
  assert.equal(said(children, 'done').filter(each => each === id).length, 1)
  assert.deepEqual(claims.filter(each => each.startsWith(id)).toSorted(), [`${id} 0`, `${id} 1`])
  const others = claims.filter(each => !each.startsWith(id))
  assert.equal(new Set(others).size, others.length)
  const slots = [...new Set(claims.map(each => Date.parse(each.slice('cron:nightly:'.length, -2))))].sort()
  for (const [index, slot] of slots.entries()) assert.equal(slot, (slots[0] ?? 0) + index * 1_000)
})

test('a member that was taken for dead settles nothing of what another has now, and reads on as a new one', async t => {
  const opened = await openCron(t, { every: '1h' })
  const source = await opened.open()
  opened.setWall(NOON + HOUR_MS)
  const [held] = await pollAll(source)
  assert.ok(held)
  opened.raw.exec('UPDATE cron_slots SET member = 99, prior = 1; DELETE FROM cron_members')
  assert.deepEqual(await source.settle(accept([held])), [])
  assert.ok(held.lost.aborted)
  assert.equal(opened.raw.prepare('SELECT 1 FROM cron_slots WHERE member = 99').all().length, 1)
  opened.setWall(NOON + 2 * HOUR_MS)
  const [next] = await pollAll(source)
  assert.equal(next?.record.time, NOON + 2 * HOUR_MS)
  const members = 'SELECT 1 FROM cron_slots JOIN cron_members ON member = number'
  assert.equal(opened.raw.prepare(members).all().length, 1)
  assert.deepEqual(await source.settle(accept([next])), [])
  assert.ok(!next.lost.aborted)
  assert.equal(opened.raw.prepare('SELECT 1 FROM cron_slots').all().length, 1)
})
