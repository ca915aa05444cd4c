/** Ten years of every zone that changes its clocks: no hole, and nothing twice, that is not explained here. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseExpression } from '../../../connectors/cron/expression.ts'
import { latestSlots, type Schedule, slotsBetween } from '../../../connectors/cron/slots.ts'
import { localTime } from '../../../connectors/cron/tick.ts'
import { type Change, changesBetween } from '../../../connectors/cron/zone.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const FROM = Date.UTC(2026, 0, 1)
const TO = Date.UTC(2036, 0, 1)

const at = (expression: string, zone = 'UTC'): Schedule => {
  const fields = parseExpression(expression)
  if ('problem' in fields) throw new Error(fields.problem)
  return { kind: 'at', expression, fields, zone }
}

const iso = (slots: readonly number[]): readonly string[] =>
  slots.map(slot => new Date(slot).toISOString().slice(0, 19))

/** What the clock shows, read from Intl by another way than the code's own. */
const clockOf = (zone: string) => {
  const format = new Intl.DateTimeFormat('sv-SE', {
    timeZone: zone,
    dateStyle: 'short',
    timeStyle: 'medium',
  })
  return (ms: number): string => format.format(ms)
}

const zones = Intl.supportedValuesOf('timeZone').map(zone => ({
  zone,
  changes: [...changesBetween(zone, FROM, TO)],
}))
const withChanges = zones.filter(({ changes }) => changes.length > 0)
/** Zones whose clocks do the same all the time differ in their names only: what costs more looks at one of each. */
const distinct = [...new Map(withChanges.map(each => [JSON.stringify(each.changes), each])).values()]

test('there are zones that change their clocks, forward and back', () => {
  assert.ok(withChanges.length > 100 && distinct.length > 20, `${withChanges.length} zones, ${distinct.length} kinds`)
})

test('a change is the first moment of another offset, and none is overlooked', () => {
  for (const { zone, changes } of distinct) {
    const clock = clockOf(zone)
    const offset = (ms: number): number => Date.parse(`${clock(ms).replace(' ', 'T')}Z`) - ms
    for (const { at: ms, before, after } of changes)
      assert.deepEqual([offset(ms - 1_000), offset(ms)], [before, after], zone)
    const steps = [FROM, ...changes.map(change => change.at), TO]
    for (const [index, start] of steps.slice(0, -1).entries())
      for (let ms = start; ms < (steps[index + 1] ?? 0); ms += 5 * DAY_MS)
        assert.equal(offset(ms), offset(start), `${zone} ${new Date(ms).toISOString()}`)
  }
})

/** The first moment after a gap, when the clock never shows that time of that day. */
const gapOver = (changes: readonly Change[], wallMs: number): number | undefined =>
  changes.find(change => change.at + change.before <= wallMs && wallMs < change.at + change.after)?.at

for (const [time, kinds] of [
  ['02:30', distinct],
  ['00:00', distinct.filter((_, index) => index % 4 === 0)],
] as const)
  test(`daily at ${time} for ten years in ${kinds.length} kinds of zones: once on each day, by the clock or right after the gap`, () => {
    const [hour = 0, minute = 0] = time.split(':').map(Number)
    for (const { zone, changes } of kinds) {
      const clock = clockOf(zone)
      const slots = slotsBetween(at(`${minute} ${hour} * * *`, zone), FROM, TO)
      const first = Date.parse(`${clock(slots[0] ?? 0).slice(0, 10)}T${time}:00Z`)
      assert.ok(first < FROM + 2 * DAY_MS && (slots.at(-1) ?? 0) > TO - 2 * DAY_MS, zone)
      for (const [index, slot] of slots.entries()) {
        const wallMs = first + index * DAY_MS
        const gap = gapOver(changes, wallMs)
        if (gap !== undefined) assert.equal(slot, gap, zone)
        else assert.equal(clock(slot), new Date(wallMs).toISOString().slice(0, 19).replace('T', ' '), zone)
      }
    }
  })

const AROUND_MS = 6 * HOUR_MS

/** The slots of half a day around every change of every zone, and the change. */
const around = function* (expression: string) {
  for (const { zone, changes } of distinct)
    for (const change of changes)
      yield {
        zone,
        change,
        slots: slotsBetween(at(expression, zone), change.at - AROUND_MS, change.at + AROUND_MS),
      }
}

const steps = (slots: readonly number[]): readonly number[] =>
  slots.slice(1).map((slot, index) => slot - (slots[index] ?? 0))

test('every five minutes goes on in real time through every change of every zone', () => {
  for (const { zone, slots } of around('*/5 * * * *'))
    assert.ok(slots.length === 144 && steps(slots).every(step => step === 5 * 60_000), zone)
})

test('every hour goes on in real time where a clock changes by hours; where by half an hour, the clock is right again after it', () => {
  for (const { zone, change, slots } of around('0 * * * *')) {
    const isWhole = (change.after - change.before) % HOUR_MS === 0
    if (isWhole) assert.ok(slots.length === 12 && steps(slots).every(step => step === HOUR_MS), zone)
    const clock = clockOf(zone)
    for (const slot of slots) assert.ok(clock(slot).endsWith(':00:00') || slot === change.at, `${zone} ${clock(slot)}`)
    for (const step of steps(slots)) assert.ok(step >= HOUR_MS / 2 && step <= 1.5 * HOUR_MS, zone)
  }
})

test('several fixed times of a day are had once each, at the first of two, and the missing ones once together', () => {
  for (const { zone, change, slots } of around('15,45 0-4 * * *')) {
    const clock = clockOf(zone)
    const shown = slots.filter(slot => slot !== change.at).map(clock)
    assert.equal(new Set(shown).size, shown.length, zone)
    for (
      let wallMs = change.at + change.before - AROUND_MS + 60_000;
      wallMs < change.at + change.before;
      wallMs += 60_000
    ) {
      const text = new Date(wallMs).toISOString().slice(0, 19).replace('T', ' ')
      if (/0[0-4]:(15|45):00$/.test(text)) assert.ok(slots.includes(wallMs - change.before), `${zone} ${text}`)
    }
    const inGap = Array.from({ length: Math.max(0, (change.after - change.before) / 60_000) }, (_, minute) =>
      new Date(change.at + change.before + minute * 60_000).toISOString(),
    )
    if (inGap.some(text => /T0[0-4]:(15|45)/.test(text))) assert.ok(slots.includes(change.at), zone)
  }
})

for (const [what, expression, zone, from, to, expected] of [
  [
    'a day that Samoa never had',
    '0 12 * * *',
    'Pacific/Apia',
    '2011-12-29',
    '2012-01-01',
    ['2011-12-29T22:00:00', '2011-12-30T10:00:00', '2011-12-30T22:00:00', '2011-12-31T22:00:00'],
  ],
  [
    'half an hour that Lord Howe skips',
    '10 2 * * *',
    'Australia/Lord_Howe',
    '2026-10-03',
    '2026-10-04',
    ['2026-10-03T15:30:00'],
  ],
  [
    'half an hour that Lord Howe has twice',
    '45 1 * * *',
    'Australia/Lord_Howe',
    '2026-04-04',
    '2026-04-05',
    ['2026-04-04T14:45:00'],
  ],
  [
    'one in the repeated hour, asked between the two',
    '30 1 * * *',
    'America/New_York',
    '2026-11-01T05:45',
    '2026-11-02T07:00',
    ['2026-11-02T06:30:00'],
  ],
  [
    'one in the repeated hour, asked in the second',
    '30 1 * * *',
    'America/New_York',
    '2026-11-01T06:10',
    '2026-11-02T07:00',
    ['2026-11-02T06:30:00'],
  ],
  [
    'every half hour of fixed hours, in real time',
    '*/30 1-2 * * *',
    'America/New_York',
    '2026-11-01T04:00',
    '2026-11-01T09:00',
    [
      '2026-11-01T05:00:00',
      '2026-11-01T05:30:00',
      '2026-11-01T06:00:00',
      '2026-11-01T06:30:00',
      '2026-11-01T07:00:00',
      '2026-11-01T07:30:00',
    ],
  ],
  [
    'what is due as much later anyway',
    '5,35 1-3 * * *',
    'Europe/Berlin',
    '2026-03-29T00:00',
    '2026-03-29T02:00',
    ['2026-03-29T00:05:00', '2026-03-29T00:35:00', '2026-03-29T01:00:00', '2026-03-29T01:05:00', '2026-03-29T01:35:00'],
  ],
  ['29 February', '0 0 29 2 *', 'UTC', '2096-03-01', '2105-01-01', ['2104-02-29T00:00:00']],
  [
    'the last day',
    '0 0 L * *',
    'UTC',
    '2028-01-31T12:00',
    '2028-04-01',
    ['2028-02-29T00:00:00', '2028-03-31T00:00:00'],
  ],
  [
    'the working day nearest',
    '0 0 15W * *',
    'UTC',
    '2026-02-01',
    '2026-04-01',
    ['2026-02-16T00:00:00', '2026-03-16T00:00:00'],
  ],
  [
    'the second Friday',
    '0 0 * * 5#2',
    'UTC',
    '2026-05-01',
    '2026-07-01',
    ['2026-05-08T00:00:00', '2026-06-12T00:00:00'],
  ],
  ['the last Friday', '0 0 * * 5L', 'UTC', '2026-05-01', '2026-07-01', ['2026-05-29T00:00:00', '2026-06-26T00:00:00']],
  [
    'day of month and of week, both',
    '0 0 13 * fri',
    'UTC',
    '2026-01-01',
    '2026-12-31',
    ['2026-02-13T00:00:00', '2026-03-13T00:00:00', '2026-11-13T00:00:00'],
  ],
  [
    'seconds',
    '*/20 59 23 31 dec *',
    'UTC',
    '2026-01-01',
    '2027-01-01',
    ['2026-12-31T23:59:00', '2026-12-31T23:59:20', '2026-12-31T23:59:40'],
  ],
  ['a shorthand', '@daily', 'UTC', '2026-01-01', '2026-01-03', ['2026-01-02T00:00:00', '2026-01-03T00:00:00']],
] as const)
  test(`${what}: ${expression} in ${zone}`, () => {
    assert.deepEqual(iso(slotsBetween(at(expression, zone), Date.parse(`${from}Z`), Date.parse(`${to}Z`))), expected)
  })

test('the latest slots are the last of all slots', () => {
  for (const expression of ['* * * * * *', '*/5 1 * * *', '0 0 1 * *']) {
    const schedule = at(expression, 'Europe/Berlin')
    const [from, to] = [Date.UTC(2026, 0, 1), Date.UTC(2026, 0, 1, 3)]
    for (const max of [1, 7])
      assert.deepEqual(latestSlots(schedule, from, to, max), slotsBetween(schedule, from, to).slice(-max))
  }
})

test('what is due every so often is counted from the epoch, whoever counts', () => {
  assert.deepEqual(
    slotsBetween({ kind: 'every', everyMs: 7_000, zone: 'UTC' }, FROM, FROM + 21_000).map(slot => slot % 7_000),
    [0, 0, 0],
  )
})

test('local times have their offset, west and by the half hour', () => {
  assert.equal(localTime('America/St_Johns', Date.UTC(2026, 0, 1)), '2025-12-31T20:30:00-03:30')
  assert.equal(localTime('Asia/Kathmandu', 0), '1970-01-01T05:30:00+05:30')
})
