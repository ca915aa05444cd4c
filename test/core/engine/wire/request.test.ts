/** What the host encodes is what an environment reads, however alike or different the records of a batch are. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventRecord } from '../../../../core/contract.ts'
import type { InvokedRecord } from '../../../../core/engine/contract.ts'
import { encodeObjects } from '../../../../core/engine/wire/objects.ts'
import { decodeRequest, encodeRequest } from '../../../../core/engine/wire/request.ts'
import { invocation, invoked } from '../harness.ts'

const recordsOf = (...changes: readonly Partial<EventRecord>[]): readonly InvokedRecord[] =>
  changes.map((change, index) => {
    const plain = invoked(`body ${index}`, index)
    return { ...plain, record: { ...plain.record, ...change } }
  })

const throughTheWire = (records: readonly InvokedRecord[]): readonly InvokedRecord[] => {
  const { header, bodies } = encodeRequest(invocation(records), 1)
  return decodeRequest(header, Buffer.concat(bodies)).request.records
}

const date = new Date(1_700_000_000_000)
const tables: Readonly<Record<string, readonly Partial<EventRecord>[]>> = {
  'no positions at all': [{}, {}],
  'positions that share what is text': [1, 2, 3].map(offset => ({
    position: { topic: 'orders', partition: 0, offset },
  })),
  'positions of texts that differ': ['1-0', '2-0', '', 'längst 🎉'].map(id => ({ position: { stream: 's', id } })),
  'numbers that JSON does not have': [-0, Number.NaN, 1.5, Number.POSITIVE_INFINITY].map(n => ({ position: { n } })),
  'the same number that JSON does not have': [-0, -0].map(n => ({ position: { n } })),
  'positions with other members': [{ position: { a: 1 } }, { position: { a: 1, b: 2 } }, {}],
  'positions with members in another order': [{ position: { a: 1, b: 2 } }, { position: { b: 2, a: 1 } }],
  'a member that is now text and now a number': [{ position: { at: 1 } }, { position: { at: 'one' } }],
  'positions without a member': [{ position: {} }, { position: {} }],
  'properties that are alike': [1, 2].map(n => ({
    properties: {
      deliveryMode: 2,
      messageId: `m${n}`,
      type: 'job',
      timestamp: new Date(date.getTime() + n),
      gone: null,
    },
  })),
  'properties with values that have parts': [1, 2].map(n => ({
    properties: { list: [n, { date }], bytes: new Uint8Array([n]), big: BigInt(n) },
  })),
  'times that are none': [{ properties: { at: new Date(Number.NaN) } }, { properties: { at: date } }],
  'positions and properties together': [1, 2].map(n => ({
    position: { queue: 'q', n },
    properties: { priority: n, type: `t${n}` },
  })),
  'keys, headers and bodies of any kind': [
    { key: 'one', headers: [['h', 'v']] },
    { key: new Uint8Array([0, 255]), headers: [], body: null },
    { key: null, headers: [['h', new Uint8Array([1])]], body: new Uint8Array(), idStrength: 'weak', source: 'other/q' },
  ],
}

for (const [what, changes] of Object.entries(tables))
  test(`a batch arrives as it was: ${what}`, () => {
    const records = recordsOf(...changes)
    const arrived = throughTheWire(records).map(plain)
    assert.deepStrictEqual(arrived, records.map(plain))
  })

/** Bodies arrive as buffers. */
const plain = ({ record, ...rest }: InvokedRecord) => ({
  ...rest,
  record: { ...record, body: record.body && [...record.body], headers: record.headers.map(header => [...header]) },
})

test('a member that names the prototype is one like any other', () => {
  const properties = JSON.parse('{"__proto__":"x"}')
  const [arrived] = throughTheWire(recordsOf({ properties }))
  assert.deepEqual(Object.entries(arrived?.record.properties ?? {}), [['__proto__', 'x']])
})

test('what records share is said once', () => {
  const positions = [7, 8].map(offset => ({ topic: 'orders', partition: 3, offset }))
  assert.deepEqual(encodeObjects(positions), {
    columns: {
      names: ['topic', 'partition', 'offset'],
      kinds: ['same', 'same', 'number'],
      same: ['orders', 3, null],
      texts: ['', '', ''],
    },
    numbers: [[7, 8]],
  })
})
