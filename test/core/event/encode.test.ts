import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as v from 'valibot'
import * as z from 'zod'
import { embedded } from '../../../connectors/embedded/channel.ts'
import type { Channel } from '../../../core/config/channel.ts'
import { encodeRecords } from '../../../core/event/encode.ts'
import type { SendRecord } from '../../../core/function/context.ts'

const local = embedded()
const json = local.queue<unknown>('json')
const orders = local.queue('orders', { schema: z.object({ id: z.string(), total: z.number() }) })
const dated = local.queue('dated', { schema: v.object({ at: v.date() }) })
const text = local.queue('text', { codec: 'text' })
const bytes = local.queue('bytes', { codec: 'bytes' })
const custom = local.queue<number>('custom', {
  codec: { decode: body => body[0] ?? 0, encode: async value => new Uint8Array([value]) },
})
const broken = local.queue<number>('broken', {
  codec: {
    decode: () => 0,
    encode: () => {
      throw new Error('no encoder')
    },
  },
})

test('a record is encoded with the codec of its channel, and nothing is added that was not given', async () => {
  assert.deepEqual(await encodeRecords(json, [{ data: { a: 'ü' } }]), [{ body: Buffer.from('{"a":"ü"}') }])
  assert.deepEqual(await encodeRecords(json, [{ data: null }]), [{ body: Buffer.from('null') }])
  assert.deepEqual(await encodeRecords(text, [{ data: 'ü' }]), [{ body: Buffer.from('ü') }])
  assert.deepEqual(await encodeRecords(bytes, [{ data: new Uint8Array([255]) }]), [{ body: new Uint8Array([255]) }])
  assert.deepEqual(await encodeRecords(custom, [{ data: 7 }]), [{ body: new Uint8Array([7]) }])
})

test('headers come as an object or as pairs, and a repeated name is kept', async () => {
  const [first, second] = await encodeRecords(json, [
    { data: 1, headers: { a: '1', b: 2 } },
    {
      data: 1,
      headers: [
        ['a', '1'],
        ['a', '2'],
      ],
      key: null,
      id: 'x',
      time: 5,
      delayMs: 0,
    },
  ])
  assert.deepEqual(first?.headers, [
    ['a', '1'],
    ['b', 2],
  ])
  assert.deepEqual(second, {
    body: Buffer.from('1'),
    headers: [
      ['a', '1'],
      ['a', '2'],
    ],
    key: null,
    id: 'x',
    time: 5,
    delayMs: 0,
  })
})

const BAD: readonly (readonly [what: string, channel: Channel, record: unknown, says: RegExp])[] = [
  [
    'data that the schema refuses',
    orders,
    { data: { id: 'a', total: '1' } },
    /local\/orders: records\[0\]\.data .*total: .*expected number/,
  ],
  ['a Date, which JSON makes text of', dated, { data: { at: new Date(0) } }, /records\[0\]\.data .*at: .*Date/],
  ['a BigInt', json, { data: 1n }, /records\[0\]\.data cannot be written as JSON: .*BigInt/],
  ['nothing', json, { data: undefined }, /records\[0\]\.data expected a value that JSON can carry, got undefined/],
  ['no data', json, {}, /records\[0\]\.data is missing/],
  [
    'a body instead of data',
    json,
    { body: 'x', data: 1 },
    /records\[0\]\.body is not a field of a record; expected one of data, key/,
  ],
  ['a number as text', text, { data: 1 }, /records\[0\]\.data expected text, .*got 1/],
  ['text as bytes', bytes, { data: 'x' }, /records\[0\]\.data expected bytes .*got x/],
  ['a codec that throws', broken, { data: 1 }, /records\[0\]\.data the channel's codec threw: no encoder/],
  ['a key that is a number', json, { data: 1, key: 5 }, /records\[0\]\.key expected a string, bytes or null, got 5/],
  [
    'a header without a value',
    json,
    { data: 1, headers: { a: undefined } },
    /records\[0\]\.headers expected every header/,
  ],
  ['headers that are text', json, { data: 1, headers: 'a=b' }, /records\[0\]\.headers expected an object or a list/],
  ['an empty id', json, { data: 1, id: '' }, /records\[0\]\.id expected text that is not empty/],
  [
    'a time that is a text',
    json,
    { data: 1, time: 'today' },
    /records\[0\]\.time expected milliseconds since the epoch, got today/,
  ],
  [
    'a negative delay',
    json,
    { data: 1, delayMs: -1 },
    /records\[0\]\.delayMs expected milliseconds, 0 or more, got -1/,
  ],
  ['no object at all', json, 'x', /records\[0\] expected \{ data/],
]

for (const [what, channel, record, says] of BAD)
  test(`sending ${what} names the record, the field and what was expected`, async () => {
    await assert.rejects(
      encodeRecords(channel, [record as SendRecord]),
      (error: { code?: string; message: string }) => {
        assert.equal(error.code, 'SEND_INVALID')
        assert.match(error.message, says)
        return true
      },
    )
  })

test('one bad record among good ones is named by its index', async () => {
  const records = [{ data: 1 }, { data: 2 }, { data: 3, id: '' }]
  await assert.rejects(encodeRecords(json, records), /records\[2\]\.id/)
})
