import assert from 'node:assert/strict'
import { test } from 'node:test'
import { adviceOn } from '../../../connectors/redis/advice.ts'
import { redis } from '../../../connectors/redis/channel.ts'
import { elementOfRecord, recordOfElement } from '../../../connectors/redis/element.ts'
import { createInbox, type Published } from '../../../connectors/redis/inbox.ts'
import { keyPrefix } from '../../../connectors/redis/keys.ts'
import { deadAmong } from '../../../connectors/redis/reader.ts'
import { fieldsOfRecord, recordOfEntry } from '../../../connectors/redis/record.ts'
import type { OutgoingRecord } from '../../../core/contract.ts'
import { ownerToText, thisProcess } from '../../../core/owner.ts'

const bytes = (...of: readonly number[]): Uint8Array => Uint8Array.from(of)
const text = (of: string): Uint8Array => new TextEncoder().encode(of)

const RECORDS: readonly OutgoingRecord[] = [
  { body: null },
  { body: text('plain') },
  { id: 'i', time: 5, key: 'k', body: bytes(0, 255, 10, 13) },
  { key: bytes(255, 0), body: new Uint8Array() },
  {
    key: '',
    headers: [
      ['h', 1n],
      ['h', bytes(1)],
      ['half', '\ud800'],
    ],
    body: text('{"millrace":1}\n'),
  },
  { properties: { contentType: 'text/plain', at: new Date(7) }, body: text('x') },
]

const place = { stream: 's', address: 'shop/s', field: undefined }
const expected = (
  { id, time, key = null, headers = [], properties, body }: OutgoingRecord,
  found: { id: string; time: number },
) => ({
  id: id ?? found.id,
  idStrength: 'stable',
  time: time ?? found.time,
  key,
  headers,
  ...(properties === undefined ? {} : { properties }),
  body,
})

for (const [index, record] of RECORDS.entries()) {
  test(`record ${index} comes out of a stream's entry as it went in`, () => {
    const fields = fieldsOfRecord(record).map(each => (typeof each === 'string' ? text(each) : each))
    const { source, position, ...found } = recordOfEntry(place, '17-3', fields)
    assert.deepEqual(found, expected(record, { id: '17-3', time: 17 }))
    assert.deepEqual([source, position], ['shop/s', { stream: 's', id: '17-3' }])
  })

  test(`record ${index} comes out of a list's element as it went in`, () => {
    const element = elementOfRecord('record', record)
    assert.ok(element)
    const list = { list: 'l', address: 'shop/l', format: 'record' } as const
    const { source, position, ...found } = recordOfElement(list, { id: 'claimed-1', firstSeen: 9 }, element)
    assert.deepEqual(found, expected(record, { id: 'claimed-1', time: 9 }))
    assert.deepEqual([source, position], ['shop/l', { list: 'l' }])
  })
}

const foreign: readonly (readonly [
  what: string,
  fields: readonly Uint8Array[],
  field: string | undefined,
  body: string | null,
  headers: unknown,
])[] = [
  [
    'all fields are a JSON object',
    [text('user'), text('u1'), text('page'), text('/')],
    undefined,
    '{"user":"u1","page":"/"}',
    [],
  ],
  ['a repeated field is a list', [text('a'), text('1'), text('a'), text('2')], undefined, '{"a":["1","2"]}', []],
  ['bytes that are no text are told as such', [text('a'), bytes(255)], undefined, '{"a":{"$bytes":"/w=="}}', []],
  [
    'a field is the body, the others are headers',
    [text('t'), text('click'), text('data'), text('{}'), text('raw'), bytes(255)],
    'data',
    '{}',
    [
      ['t', 'click'],
      ['raw', bytes(255)],
    ],
  ],
  ['an entry without the field is a tombstone', [text('t'), text('click')], 'data', null, [['t', 'click']]],
  [
    'a mark of another version is a field like others',
    [text('millrace'), text('2')],
    undefined,
    '{"millrace":"2"}',
    [],
  ],
  [
    'the mark counts only as the first field',
    [text('a'), text('b'), text('millrace'), text('1')],
    undefined,
    '{"a":"b","millrace":"1"}',
    [],
  ],
]

for (const [what, fields, field, body, headers] of foreign)
  test(`of an entry that another program wrote, ${what}`, () => {
    const record = recordOfEntry({ ...place, field }, '1-0', fields)
    assert.equal(record.body && Buffer.from(record.body).toString(), body)
    assert.deepEqual(record.headers, headers)
  })

for (const [what, element] of [
  ['plain bytes', 'a body'],
  ['JSON that begins like a record and is none', '{"millrace":1 oops\nbody'],
  ['a record without an end of its head', '{"millrace":1}'],
] as const)
  test(`in a list of records ${what} are a body`, () => {
    const list = { list: 'l', address: 'shop/l', format: 'record' } as const
    const record = recordOfElement(list, { id: 'c', firstSeen: 1 }, text(element))
    assert.deepEqual(record.body, text(element))
  })

for (const [name, prefix] of [
  ['clicks', '{clicks}:millrace:'],
  ['{shop}:clicks', '{shop}:clicks:millrace:'],
  ['a{b', '{a{b}:millrace:'],
  ['{}clicks', '{{}clicks}:millrace:'],
] as const)
  test(`keys beside ${name} begin with ${prefix}`, () => assert.equal(keyPrefix(name), prefix))

const ME = thisProcess()
const named = (pid: number): string => `r@${ownerToText({ ...ME, id: 'another life', pid })}`
/** No process has it: pids end far below. */
const NOBODY = 2 ** 30

test('a reader is dead when its lease was over twice, or when its process on this machine is gone', () => {
  const readers = ['100', 'fine', '101', 'late', '99', 'very late', '50', named(NOBODY), '900', named(ME.pid), '900']
  const { dead, late } = deadAmong(readers, new Set(['very late', 'fine']))
  assert.deepEqual(dead, [
    { id: 'very late', how: 'over' },
    { id: named(NOBODY), how: 'gone' },
  ])
  assert.deepEqual(late, new Set(['late', 'very late']))
})

test('a process of another machine is not looked for here', () => {
  const elsewhere = `r@${ownerToText({ ...ME, id: 'x', pid: NOBODY, bootId: 'another' })}`
  assert.deepEqual(deadAmong(['100', elsewhere, '900'], new Set()).dead, [])
})

const published = (number: number, size = 1): Published => ({
  number,
  channel: 'c',
  body: new Uint8Array(size),
  at: 0,
  attempts: 0,
})
const numbers = (taken: readonly Published[]): readonly number[] => taken.map(({ number }) => number)

test('an inbox takes until it is full, by records and by bytes, and one always', () => {
  const byRecords = createInbox(2, 1_000)
  assert.deepEqual(
    [0, 1, 2].map(number => byRecords.add(published(number))),
    [true, true, false],
  )
  const byBytes = createInbox(100, 10)
  assert.deepEqual([published(0, 50), published(1, 1)].map(byBytes.add), [true, false])
  assert.deepEqual(numbers(byBytes.take(5, 1)), [0])
  assert.deepEqual([published(2, 6), published(3, 6)].map(byBytes.add), [true, false])
})

test('an inbox gives what came back before what is new, in its order, and keeps count of thousands', () => {
  const inbox = createInbox(10_000, 1_000_000)
  for (let number = 0; number < 5_000; number += 1) inbox.add(published(number))
  const taken = inbox.take(3, 1_000)
  inbox.giveBack([taken[2], taken[0]].filter(each => each !== undefined))
  const rest: number[] = []
  while (inbox.size > 0) rest.push(...numbers(inbox.take(7, 1_000)))
  assert.deepEqual(rest, [0, 2, ...Array.from({ length: 4_997 }, (_, index) => index + 3)])
})

for (const [settings, advice] of [
  [{ maxmemory: '0', 'maxmemory-policy': 'allkeys-lru', appendonly: 'yes', appendfsync: 'everysec' }, []],
  [{ maxmemory: '1', 'maxmemory-policy': 'allkeys-lru', appendonly: 'yes', appendfsync: 'always' }, [/noeviction/]],
  [{ maxmemory: '1', 'maxmemory-policy': 'noeviction', appendonly: 'no', save: '' }, [/nothing is written/]],
  [{ appendonly: 'no', save: '3600 1' }, [/snapshots/]],
  [{ appendonly: 'yes', appendfsync: 'no' }, [/appendfsync/]],
  [{}, []],
] as const)
  test(`of a server with ${JSON.stringify(settings)} the log says ${advice.length} sentence(s)`, () => {
    const given = adviceOn(settings)
    assert.equal(given.length, advice.length)
    for (const [index, pattern] of advice.entries()) assert.match(given[index] ?? '', pattern)
  })

test('a stream is ordered only where one process reads it alone, and has positions; lists and subscriptions have none', () => {
  const shop = redis('shop', { url: 'redis://localhost' })
  const declared = [shop.stream('a'), shop.stream('b', { exclusive: true }), shop.list('c'), shop.subscription('d')]
  assert.deepEqual(
    declared.map(({ address, ordered, positioned }) => [address, ordered, positioned]),
    [
      ['shop/a', false, true],
      ['shop/b', true, true],
      ['shop/c', false, false],
      ['shop/d', false, false],
    ],
  )
})
