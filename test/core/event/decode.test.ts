import assert from 'node:assert/strict'
import { test } from 'node:test'
import { embedded } from '../../../connectors/embedded/channel.ts'
import type { Codec } from '../../../core/config/channel.ts'
import { decoderOf } from '../../../core/event/decode.ts'
import { decodeBatch } from '../../../core/event/record.ts'
import { checkedText } from '../../../core/event/text.ts'
import { invoked } from '../engine/harness.ts'

const local = embedded()

const standard = (validate: (value: unknown) => unknown) => ({
  '~standard': { version: 1 as const, vendor: 'test', validate: validate as () => { value: unknown } },
})

const decodeAll = async (
  codec: 'json' | 'text' | 'bytes' | Codec,
  bodies: readonly (string | Uint8Array | null)[],
  schema?: ReturnType<typeof standard>,
) => decodeBatch(bodies.map(invoked), decoderOf({ address: 'local/q', codec, schema }), checkedText)

test('each named codec decodes what it is for, and a tombstone is null for all of them', async () => {
  const data = async (codec: 'json' | 'text' | 'bytes', body: string | null) =>
    (await decodeAll(codec, [body])).batch[0]?.data
  assert.deepEqual(await data('json', '{"a":[1,"ü"]}'), { a: [1, 'ü'] })
  assert.equal(await data('text', 'ü \u{1F600}'), 'ü \u{1F600}')
  assert.equal(await data('text', ''), '')
  assert.deepEqual(await data('bytes', 'a'), Buffer.from('a'))
  for (const codec of ['json', 'text', 'bytes'] as const) assert.equal(await data(codec, null), null)
})

test('a codec of the user may be asynchronous, and what it throws is a verdict on that record alone', async () => {
  const codec: Codec = {
    decode: body => {
      if (body[0] === 0) throw new Error('zero')
      return body[0] === 1 ? Promise.reject(new Error('one')) : Promise.resolve(body[0])
    },
    encode: () => new Uint8Array(),
  }
  const { batch, refused } = await decodeAll(codec, [
    new Uint8Array([2]),
    new Uint8Array([0]),
    new Uint8Array([1]),
    new Uint8Array([3]),
    null,
  ])
  assert.deepEqual(
    batch.map(({ id, data }) => [id, data]),
    [
      ['r0', 2],
      ['r3', 3],
      ['r4', null],
    ],
  )
  assert.deepEqual(
    refused.map(({ id, verdict, error }) => [id, verdict, error.message]),
    [
      ['r1', 'undecodable', 'local/q: the codec threw: zero'],
      ['r2', 'undecodable', 'local/q: the codec threw: one'],
    ],
  )
})

test('a schema may be asynchronous, transform, and throw', async () => {
  const schema = standard(async value => {
    if (value === 3) throw new Error('three')
    return value === 2 ? { issues: [{ message: 'even', path: ['a', 0, { key: 'b' }] }] } : { value: `#${value}` }
  })
  const { batch, refused } = await decodeAll('json', ['1', '2', '3', '5'], schema)
  assert.deepEqual(
    batch.map(({ data }) => data),
    ['#1', '#5'],
  )
  assert.deepEqual(
    refused.map(({ verdict, error }) => [verdict, error.message]),
    [
      ['invalid', 'local/q: a[0].b: even'],
      ['invalid', 'local/q: the schema threw: three'],
    ],
  )
})

test('a batch that needs no waiting is decoded without a promise', () => {
  const decoded = decodeBatch(['1', 'x'].map(invoked), decoderOf(local.queue('q')), checkedText)
  assert.ok(!(decoded instanceof Promise))
  assert.equal(decoded.batch.length, 1)
})

test('a hundred issues are told in ten', async () => {
  const schema = standard(() => ({ issues: Array.from({ length: 100 }, (_, index) => ({ message: `m${index}` })) }))
  const { refused } = await decodeAll('json', ['1'], schema)
  assert.match(refused[0]?.error.message ?? '', /m9 · and 90 more$/)
})
