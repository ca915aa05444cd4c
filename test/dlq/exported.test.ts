import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import fastify from 'fastify'
import { systemClock } from '../../core/clock.ts'
import type { DeadLetter } from '../../core/contract.ts'
import { openMemoryDatabase } from '../../core/database.ts'
import { exportLetter, importLetter } from '../../dlq/exported.ts'
import { DEAD_LETTER_SCHEMA, problemOf } from '../../dlq/schema.ts'
import { openSqliteStore } from '../../dlq/sqlite/store.ts'
import type { StoredLetter } from '../../dlq/store.ts'
import { fullRecord, letterFor } from '../support/letters.ts'

const NOBODY = { operator: 'ada', reason: 'mended' }

/** A letter as the store gives it back, with a replay behind it. */
const stored = async (context: TestContext, letter: DeadLetter): Promise<StoredLetter> => {
  const database = openMemoryDatabase()
  context.after(() => database.close())
  const store = openSqliteStore(database, { clock: systemClock })
  await store.park([letter])
  const [{ id } = { id: '' }] = (await store.page({ limit: 1 })).letters
  await store.note(id, 'look at this', NOBODY)
  await store.startReplay({ selection: { ids: [id] } }, NOBODY)
  const { letters } = await store.claim({
    mapping: letter.mapping,
    source: letter.record.source,
    by: 'function',
    order: 'none',
    max: 9,
    maxBytes: 9,
    leaseMs: 9,
  })
  await store.settle(letters.map(({ claim }) => ({ claim, outcome: 'rejected', message: 'again' })))
  const found = await store.get(id)
  assert.ok(found)
  return found
}

const LETTERS: readonly DeadLetter[] = [
  letterFor(fullRecord('1'), { kind: 'kafka', replayOf: '01kpw72g3001', stops: 'lane\u0000s:k' }),
  letterFor(fullRecord('2', { body: null, key: 'k', headers: [], time: Number.NaN }), {
    attempts: [],
    adoptedFrom: 'rabbitmq',
  }),
  letterFor(fullRecord('3', { body: new Uint8Array(), idStrength: 'weak', key: null }), { editOf: '01kpw72g3001' }),
]

test('an exported letter is taken in as it was', async context => {
  for (const letter of LETTERS) {
    const found = await stored(context, letter)
    const taken = importLetter(exportLetter(found))
    assert.deepEqual(taken.letter, letter)
    assert.deepEqual([taken.id, taken.state, taken.replays, taken.note], [found.summary.id, 'open', 1, 'look at this'])
  }
})

test('real letters are as the published JSON Schema says, by its own check and by that of others', async context => {
  const app = fastify({
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, allowUnionTypes: true } },
  })
  app.post('/', { schema: { body: DEAD_LETTER_SCHEMA } }, async () => 'taken')
  context.after(() => app.close())
  const accepts = async (letter: unknown): Promise<boolean> =>
    (await app.inject({ method: 'POST', url: '/', payload: letter as object })).statusCode === 200
  for (const letter of LETTERS) {
    const exported = JSON.parse(exportLetter(await stored(context, letter)))
    assert.equal(await accepts(exported), true)
    assert.equal(problemOf(exported), undefined)
    for (const wrong of [
      { ...exported, state: 'lost' },
      { ...exported, record: {} },
      { ...exported, attempts: [{}] },
    ]) {
      assert.equal(await accepts(wrong), false)
      assert.ok(problemOf(wrong))
    }
  }
})

test('what is no exported letter is refused by what is wrong with it', async context => {
  const good = JSON.parse(exportLetter(await stored(context, letterFor(fullRecord('1')))))
  const cases: readonly (readonly [string, RegExp])[] = [
    ['{', /it is not JSON/],
    ['null', /it must be object, got null/],
    ['[]', /it must be object, got array/],
    ['{}', /envelope is missing/],
    [JSON.stringify({ ...good, id: '../x' }), /id must be that of a dead letter, got "..\/x"/],
    [JSON.stringify({ ...good, envelope: 2 }), /version 1 or older, got 2/],
    [JSON.stringify({ ...good, state: 'x' }), /state must be one of open, /],
    [JSON.stringify({ ...good, replays: -1 }), /replays must be 0 or more, got -1/],
    [
      JSON.stringify({ ...good, record: { ...good.record, headers: [['a']] } }),
      /headers\[0\] must have 2 items, got 1/,
    ],
    [JSON.stringify({ ...good, record: { ...good.record, headers: [[1, 2]] } }), /the name of a header must be text/],
    [
      JSON.stringify({ ...good, record: { ...good.record, body: { a: 1 } } }),
      /record\.body must be \{"\$bytes": …\} or null/,
    ],
    [
      JSON.stringify({ ...good, record: { ...good.record, key: 7 } }),
      /record\.key must be string or object or null, got number/,
    ],
    [JSON.stringify({ ...good, attempts: [{ number: 1, at: 'x' }] }), /attempts\[0\]\.error is missing/],
    [JSON.stringify({ ...good, error: { name: 'x' } }), /error\.message is missing/],
  ]
  for (const [line, said] of cases)
    assert.throws(() => importLetter(line), { code: 'DEAD_LETTER_UNREADABLE', message: said }, line.slice(0, 80))
})
