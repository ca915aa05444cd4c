/** What is one key, one payload, and one result. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { idempotent } from '../../../core/idempotency/idempotent.ts'
import { memoryIdempotency } from '../../../core/idempotency/memory-store.ts'
import { charges, type Order, refused } from './charges.ts'

test('a key with another payload is refused, and validate says what of it has to be the same', async () => {
  const { charge, ran } = charges()
  await charge({ id: '1', total: 5 })
  await assert.rejects(charge({ id: '1', total: 6 }), refused('IDEMPOTENCY_PAYLOAD_DIFFERS'))
  assert.equal(ran.length, 1)
  for (const validate of [false, ({ id }: Order) => id]) {
    const { charge } = charges(memoryIdempotency(), { validate })
    await charge({ id: '1', total: 5 })
    assert.equal((await charge({ id: '1', total: 6 })).charged, 5)
  }
})

test('a payload that is a promise is an error, and one of raw bytes is told from another', async () => {
  const store = memoryIdempotency()
  const promised = charges(store, { validate: async ({ id }: Order) => id })
  await assert.rejects(promised.charge({ id: '1' }), refused('IDEMPOTENCY_KEY_INVALID'))
  const raw = idempotent((_: ArrayBuffer) => 'ran', { store, name: 'raw', key: () => 'k' })
  await raw(new Uint8Array([1]).buffer)
  await assert.rejects(raw(new Uint8Array([2]).buffer), refused('IDEMPOTENCY_PAYLOAD_DIFFERS'))
})

test('what the function does to its input changes neither key nor payload', async () => {
  const store = memoryIdempotency()
  const messy = idempotent(
    (order: { id: string; total?: number }) => {
      order.id = 'changed'
      order.total = 99
      return 'done'
    },
    { store, name: 'messy', key: ({ id }) => id },
  )
  assert.equal(await messy({ id: '1' }), 'done')
  assert.equal(await messy({ id: '1' }), 'done')
  await assert.rejects(messy({ id: '1', total: 1 }), refused('IDEMPOTENCY_PAYLOAD_DIFFERS'))
})

const CIRCULAR: { self?: unknown } = {}
CIRCULAR.self = CIRCULAR
let DEEP: unknown = []
for (let depth = 0; depth < 100_000; depth += 1) DEEP = [DEEP]

for (const [what, key] of [
  ['nothing', undefined],
  ['null', null],
  ['an empty text', ''],
  ['NaN', Number.NaN],
  ['infinity', Number.POSITIVE_INFINITY],
  ['a BigInt', 1n],
  ['an object with nothing in it', { id: undefined }],
  ['a BigInt inside', { id: 1n }],
  ['no bytes', new Uint8Array(0)],
  ['an object with an empty text in it', { id: '' }],
  ['an array of nothing', [undefined, [null], {}]],
  ['an invalid date', new Date(Number.NaN)],
  ['a promise', Promise.resolve('k')],
  ['a promise inside', { id: Promise.resolve('k') }],
  ['NaN inside', { id: Number.NaN }],
  ['a function', () => 1],
  ['a symbol', Symbol('k')],
  ['a circular object', CIRCULAR],
  ['an object of endless depth', DEEP],
] as const)
  test(`${what} is no key: an error, and nothing runs`, async () => {
    let runs = 0
    const run = idempotent(() => (runs += 1), {
      store: memoryIdempotency(),
      name: 'n',
      key: () => key as string,
      validate: false,
    })
    await assert.rejects(run(undefined), refused('IDEMPOTENCY_KEY_INVALID'))
    assert.equal(runs, 0)
  })

test('keys of different types are different keys, and equal ones are equal however they are written', async () => {
  const store = memoryIdempotency()
  let runs = 0
  const run = idempotent((_key: unknown) => (runs += 1), {
    store,
    name: 'n',
    key: key => key as string,
    validate: false,
  })
  const different = [
    '1',
    1,
    true,
    'true',
    { a: 1 },
    { a: '1' },
    [1],
    '[1]',
    '{"a":1}',
    'x'.repeat(1_048_576),
    new Uint8Array([1]),
    { a: 1, tags: [] },
    { a: 1, at: new Date(5) },
    new Date(5),
    new Set([1]),
    { $number: 'x' },
    [undefined, 1],
    '\u00e9',
    'e\u0301',
    '\ud800',
    '\ud801',
    JSON.parse('{"__proto__":1}'),
  ]
  for (const key of different) await run(key)
  assert.equal(runs, different.length)
  for (const [key, before] of [
    [{ b: 2, a: { d: 1, c: 2 } }, different.length + 1],
    [{ a: { c: 2, d: 1 }, b: 2 }, different.length + 1],
    ['1', 1],
  ] as const)
    assert.equal(await run(key), before)
})

for (const [what, result] of [
  ['undefined', undefined],
  ['null', null],
  ['one MB', 'ä'.repeat(524_288)],
  [
    'dates, bytes and big numbers',
    { at: new Date(5), bytes: new Uint8Array([1, 2]), big: 10n ** 30n, no: Number.NaN, zero: -0 },
  ],
  ['maps, sets, holes', { map: new Map([['a', [1, undefined, 2]]]), set: new Set([1]) }],
  ['members that look like ours', { $date: 1, $object: { $bigint: '1' }, inside: [{ $set: [] }] }],
] as const)
  test(`a result of ${what} is the same to the first and to later callers`, async () => {
    const run = idempotent(() => result, { store: memoryIdempotency(), name: 'n', key: () => 'k' })
    const first = await run(undefined)
    assert.deepEqual(first, result)
    assert.deepEqual(await run(undefined), first)
  })

test('a result that cannot be kept is an error to all, and does not run the function again', async () => {
  for (const result of [CIRCULAR, () => 1, { later: Promise.resolve() }, { deep: DEEP }, 'x'.repeat(7 * 1_048_576)]) {
    let runs = 0
    const run = idempotent(
      () => {
        runs += 1
        return result
      },
      { store: memoryIdempotency(), name: 'n', key: () => 'k' },
    )
    for (let times = 0; times < 2; times += 1)
      await assert.rejects(run(undefined), refused('IDEMPOTENCY_RESULT_INVALID'))
    assert.equal(runs, 1)
  }
})
