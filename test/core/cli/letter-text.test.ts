import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { letterJson, lettersText, letterText } from '../../../core/cli/letter-text.ts'
import { systemClock } from '../../../core/clock.ts'
import { openDatabase } from '../../../core/database.ts'
import { openSqliteStore } from '../../../dlq/sqlite-store.ts'
import type { StoredLetter } from '../../../dlq/store.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { fullRecord, letterFor } from '../../support/letters.ts'

/** A letter as the store gives it back after it was parked. */
const parked = async (context: TestContext, change: Parameters<typeof fullRecord>[1] = {}): Promise<StoredLetter> => {
  const database = openDatabase(await temporaryFolder(context))
  context.after(() => database.close())
  const store = openSqliteStore(database, { clock: systemClock })
  await store.park([letterFor(fullRecord('r1', change))])
  const [summary] = await store.list({ limit: 1 })
  assert.ok(summary)
  const stored = await store.get(summary.id)
  assert.ok(stored)
  return stored
}

const unsafe = (text: string): boolean => /[^\P{C}\n]/u.test(text)

test('a letter shows record, key, headers, position, body and every attempt', async context => {
  const shown = letterText(await parked(context))
  for (const part of [
    /^id +\w{12}$/m,
    /^state +open$/m,
    /^function +charge · version v1$/m,
    /^record +r1 from local\/orders$/m,
    /^key +base64 AP\+A$/m,
    /^header trace +"a"$/m,
    /^position +\{"queue":"orders","offset":42\}$/m,
    /^body · 8 B, not UTF-8, base64:\nAAEC\/\/7toIA=$/m,
    /^2 attempts$/m,
    /^ {2}1 · 2023-11-14T22:13:20\.001Z · 12 ms · TypeError: cannot charge order 1\n {6}at charge\n {6}last output:\n {6}charging$/m,
  ])
    assert.match(shown, part)
})

test('a body is shown as text where it is UTF-8, JSON indented, never able to draw', async context => {
  const body = (text: string): Uint8Array => new TextEncoder().encode(text)
  assert.match(letterText(await parked(context, { body: body('{"a":[1]}') })), /^body · 9 B\n\{\n {2}"a": \[\n/m)
  const evil = letterText(await parked(context, { body: body('\x1b[2J\u202e'), key: '\x1b]0;x\x07' }))
  assert.ok(!unsafe(evil))
  assert.match(evil, /^\\x1b\[2J\\u\{202e\}$/m)
  assert.match(letterText(await parked(context, { body: null })), /^body · none \(tombstone\)$/m)
})

test('a long body is cut, not in the middle of a character, and --json has it whole', async context => {
  const text = `a${'é'.repeat(40_000)}`
  const stored = await parked(context, { body: new TextEncoder().encode(text) })
  const shown = letterText(stored)
  assert.match(shown, /é\n… 14465 B more; --json shows all$/m)
  assert.equal(JSON.parse(letterJson(stored)).record.body, text)
})

test('as JSON nothing is lost: bytes in base64, big numbers and dates as tagged values', async context => {
  const { record } = JSON.parse(letterJson(await parked(context)))
  assert.equal(record.bodyBase64, 'AAEC//7toIA=')
  assert.equal(record.body, undefined)
  assert.deepEqual(record.key, { $bytes: 'AP+A' })
  assert.deepEqual(record.headers[2], ['big', { $bigint: '12345678901234567890' }])
})

test('a list has a line for each letter', async context => {
  const { summary } = await parked(context)
  const shown = lettersText([{ ...summary, errorMessage: 'x'.repeat(200) }], summary.parkedAt + 60_000)
  const [, line] = shown.split('\n')
  assert.match(line ?? '', /^\w{12} {2}open {3}charge {3}exhausted {9}2 {8}0 {2}1m {6}TypeError: x+…$/)
  assert.equal(lettersText([], 0), 'no dead letters')
})
