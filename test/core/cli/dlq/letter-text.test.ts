import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { groupsText, letterJson, lettersText, letterText, type Shown } from '../../../../core/cli/dlq/letter-text.ts'
import { systemClock } from '../../../../core/clock.ts'
import { openDatabase } from '../../../../core/database.ts'
import { openSqliteStore } from '../../../../dlq/sqlite/store.ts'
import type { StoredLetter } from '../../../../dlq/store.ts'
import { temporaryFolder } from '../../../support/folder.ts'
import { fullRecord, letterFor } from '../../../support/letters.ts'

/** A letter as the store gives it back after it was parked. */
const parked = async (context: TestContext, change: Parameters<typeof fullRecord>[1] = {}): Promise<StoredLetter> => {
  const database = openDatabase(await temporaryFolder(context))
  context.after(() => database.close())
  const store = openSqliteStore(database, { clock: systemClock })
  await store.park([letterFor(fullRecord('r1', change))])
  const [summary] = (await store.page({ limit: 1 })).letters
  assert.ok(summary)
  const stored = await store.get(summary.id)
  assert.ok(stored)
  return stored
}

const shownText = (stored: StoredLetter, how: Partial<Shown> = {}): string =>
  letterText(stored, [], { body: 'text', attempts: 'differences', ...how })

const unsafe = (text: string): boolean => /[^\P{C}\n]/u.test(text)

test('a letter shows record, key, headers, position, body and every attempt', async context => {
  const shown = shownText(await parked(context))
  for (const part of [
    /^id +\w{12}$/m,
    /^state +open$/m,
    /^function +charge · version v1$/m,
    /^record +r1 from local\/orders$/m,
    /^key +base64 AP\+A$/m,
    /^header trace +"a"$/m,
    /^position +\{"queue":"orders","offset":42\}$/m,
    /^body · 8 B, not UTF-8:\n00000000 {2}00 01 02 ff fe ed a0 80 {26}\.{8}$/m,
    /^2 attempts$/m,
    /^ {2}1 · 2023-11-14T22:13:20\.001Z · 12 ms · env-1 · TypeError: cannot charge order 1\n {6}at charge\n {6}last output:\n {6}charging$/m,
  ])
    assert.match(shown, part)
})

test('a body is shown as text where it is UTF-8, JSON indented, never able to draw', async context => {
  const body = (text: string): Uint8Array => new TextEncoder().encode(text)
  assert.match(shownText(await parked(context, { body: body('{"a":[1]}') })), /^body · 9 B\n\{\n {2}"a": \[\n/m)
  const evil = shownText(await parked(context, { body: body('\x1b[2J\u202e'), key: '\x1b]0;x\x07' }))
  assert.ok(!unsafe(evil))
  assert.match(evil, /^\\x1b\[2J\\u\{202e\}$/m)
  assert.match(shownText(await parked(context, { body: null })), /^body · none \(tombstone\)$/m)
})

test('a long body is cut, not in the middle of a character, and --json has it whole', async context => {
  const text = `a${'é'.repeat(40_000)}`
  const stored = await parked(context, { body: new TextEncoder().encode(text) })
  const shown = shownText(stored)
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

test('attempts after the first show what differs, or all of it when asked', async context => {
  const stored = await parked(context)
  const [first, second] = stored.letter.attempts
  assert.ok(first && second)
  const attempts = [
    first,
    { ...first, number: 2 },
    {
      ...second,
      number: 3,
      error: { ...second.error, stack: 'x\n    at charge\n    at \x1b[2Jother' },
      logs: ['retrying'],
    },
  ]
  const shown = shownText({ ...stored, letter: { ...stored.letter, attempts } })
  assert.match(
    shown,
    /^ {2}2 · .* · the same error\n {2}3 · .*TypeError: cannot charge order 2\n {6}\+ at \\x1b\[2Jother\n {6}output that differs:\n {6}- charging\n {6}\+ retrying$/m,
  )
  const full = shownText({ ...stored, letter: { ...stored.letter, attempts } }, { attempts: 'full' })
  assert.equal(full.match(/at charge$/gm)?.length, 3)
})

test('a body is shown by its content type, or as bytes when asked', async context => {
  const body = new TextEncoder().encode('a=1&b=x%20y')
  const stored = await parked(context, { body, headers: [['Content-Type', 'application/x-www-form-urlencoded']] })
  assert.match(shownText(stored), /^body · 11 B, application\/x-www-form-urlencoded\na = 1\nb = x y$/m)
  assert.match(shownText(stored, { body: 'hex' }), /^00000000 {2}61 3d 31 26 62 3d 78 25 32 30 79 {17}a=1&b=x%20y$/m)
  const byProperty = await parked(context, { properties: { contentType: '\x1b[2Jtext' }, body })
  assert.ok(!unsafe(shownText(byProperty)))
})

test('groups are a line each, with an error where they are by error', () => {
  const group = { group: 'abc', letters: 1_234, firstAt: 0, lastAt: 60_000, errorName: 'E', errorMessage: '\x1b[2J' }
  assert.match(groupsText('error', [group], 120_000), /\nabc +1,234 +2m +1m +E: \\x1b\[2J$/)
  assert.match(groupsText('mapping', [group], 120_000), /^MAPPING +LETTERS +FIRST +LAST\nabc +1,234 +2m +1m$/)
})
