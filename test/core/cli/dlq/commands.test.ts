import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { systemClock } from '../../../../core/clock.ts'
import { openDatabase } from '../../../../core/database.ts'
import { openSqliteStore } from '../../../../dlq/sqlite/store.ts'
import { temporaryFolder } from '../../../support/folder.ts'
import { fullRecord, letterFor } from '../../../support/letters.ts'
import { millrace, type Ran } from '../../../support/terminal.ts'

const DAY_MS = 24 * 3_600_000
const EVIL = 'evil \x1b[2J\u202e'

const json = (data: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(data))

/** A state folder without a configuration, with three letters in it. */
const shop = async (context: TestContext): Promise<string> => {
  const folder = await temporaryFolder(context)
  const database = openDatabase(join(folder, '.millrace'))
  const store = openSqliteStore(database, { clock: systemClock })
  const now = systemClock.now()
  await store.park([
    letterFor(fullRecord('1', { key: EVIL, headers: [[EVIL, EVIL]] }), {
      parkedAt: now - 3 * DAY_MS,
      error: { name: EVIL, message: EVIL, stack: `x\n    at ${EVIL}` },
      mapping: EVIL,
    }),
    letterFor(fullRecord('2', { body: json({ order: { id: 17 } }) }), { parkedAt: now - DAY_MS }),
    letterFor(fullRecord('3', { key: 'k' }), {
      parkedAt: now,
      mapping: 'email',
      function: { name: 'mail', version: 'v' },
    }),
  ])
  await database.close()
  return folder
}

const dlq = (cwd: string, ...args: readonly string[]): Promise<Ran> => millrace(['dlq', ...args], { cwd })

const records = async (cwd: string, ...args: readonly string[]): Promise<readonly string[]> => {
  const { out, err, code } = await dlq(cwd, 'list', '--json', ...args)
  assert.equal(code, 0, err)
  return JSON.parse(out).map(({ recordId }: { recordId: string }) => recordId)
}

const idOf = async (cwd: string, record: string): Promise<string> =>
  JSON.parse((await dlq(cwd, 'list', '--json')).out).find((each: { recordId: string }) => each.recordId === record).id

test('letters are found by what is said of them, and counted', async context => {
  const cwd = await shop(context)
  assert.deepEqual(await records(cwd, '--mapping', 'email'), ['3'])
  assert.deepEqual(await records(cwd, '--function', 'charge', '--since', '2d'), ['2'])
  assert.deepEqual(await records(cwd, '--until', new Date(systemClock.now() - 2 * DAY_MS).toISOString()), ['1'])
  assert.deepEqual(await records(cwd, '--key', 'k', '--error', 'TypeError'), ['3'])
  assert.deepEqual(await records(cwd, '--field', 'order.id=17'), ['2'])
  assert.deepEqual(await records(cwd, '-H', 'trace=a', '-H', 'big', '--why', 'exhausted'), ['3', '2'])
  const page = await dlq(cwd, 'list', '--limit', '2')
  const [, after = ''] = /there are more: --after (\w+)\n$/.exec(page.out) ?? []
  assert.deepEqual(await records(cwd, '--after', after), ['1'])
  const groups = await dlq(cwd, 'list', '--group-by', 'mapping', '-n', '1')
  assert.match(groups.out, /^MAPPING +LETTERS.*\n.* 1 .*\nthere are more: --after 1\n$/)
  assert.equal(JSON.parse((await dlq(cwd, 'list', '-g', 'day', '--json')).out).length, 3)
})

test('what a list cannot be asked is said', async context => {
  const cwd = await shop(context)
  const wrong = [
    [['list', '--since', 'soon'], /must be a date like .* or a duration like '2h'/],
    [['list', '--field', 'x'], /must be path=value/],
    [['list', '-g', 'error', '--key', 'k'], /goes without --key/],
    [['list', '-s', 'lost'], /Allowed choices are open, replaying, resolved, archived, quarantined/],
    [['archive'], /name the ids of dead letters, or --all/],
    [['purge', '--mapping', 'email'], /a filter goes with --all/],
    [['purge', 'abc', '--mapping', 'email'], /a filter goes with --all, not with ids/],
    [['replay', '--all', '--rate', 'fast'], /must be like 50\/s/],
    [['replay', '--all', '--stop-on-failures', '200%'], /must be like 10%/],
    [['import'], /there is nothing to import/],
  ] as const
  for (const [args, said] of wrong) {
    const ran = await dlq(cwd, ...args)
    assert.deepEqual([ran.code, said.test(ran.err)], [2, true], `${args.join(' ')}: ${ran.err}`)
  }
})

test('letters are noted, archived, restored and removed, and the audit says by whom', async context => {
  const cwd = await shop(context)
  const id = await idOf(cwd, '3')
  assert.equal((await dlq(cwd, 'note', id, EVIL, '--by', 'ada', '--reason', 'ticket 7')).out, 'noted\n')
  assert.equal((await dlq(cwd, 'archive', '--all', '-m', 'email', '--by', EVIL)).out, '1 dead letter archived\n')
  assert.deepEqual(await records(cwd), ['2', '1'])
  const refused = await dlq(cwd, 'archive', id, 'zz')
  assert.deepEqual(
    [refused.code, refused.out],
    [1, `0 dead letters archived\n${id} is not archived: archived\nzz is not archived: unknown\n`],
  )
  assert.equal((await dlq(cwd, 'restore', id)).out, '1 dead letter restored\n')
  const shown = (await dlq(cwd, 'show', id)).out
  assert.match(shown, /^note +evil \\x1b\[2J\\u\{202e\}$/m)
  assert.match(shown, /^audit\n {2}\S+ · restore · .*\n {2}\S+ · note · ada · ticket 7 · evil \\x1b/m)
  assert.deepEqual(JSON.parse((await dlq(cwd, 'purge', '--all', '--json')).out), { changed: 3, refused: [] })
  assert.equal((await dlq(cwd, 'list')).out, 'no dead letters\n')
})

test('nothing that a record says is drawn by a terminal, whatever is shown of it', async context => {
  const cwd = await shop(context)
  const id = await idOf(cwd, '1')
  await dlq(cwd, 'note', id, EVIL, '--by', EVIL, '--reason', EVIL)
  await dlq(cwd, 'replay', id, '--detach', '--by', EVIL, '--reason', EVIL)
  const all = [
    ['list'],
    ['list', '-g', 'error'],
    ['list', '-g', 'mapping'],
    ['show', id],
    ['show', id, '--full', '--hex'],
    ['replay', '--all', '--dry-run'],
    ['jobs'],
    ['archive', id, EVIL],
  ]
  for (const args of all) {
    const { out, err } = await dlq(cwd, ...args)
    assert.ok(!/[^\P{C}\n]/u.test(out + err), args.join(' '))
  }
})

test('exported letters are taken in elsewhere, line by line, and garbage is refused by its line', async context => {
  const [from, to] = [await shop(context), await temporaryFolder(context)]
  await dlq(from, 'note', await idOf(from, '2'), 'mine')
  const exported = await dlq(from, 'export', '--until', '1h')
  assert.equal(exported.out.trim().split('\n').length, 2)
  openDatabase(join(to, '.millrace')).close()
  await writeFile(join(to, 'letters.ndjson'), `${exported.out}\nnonsense ${EVIL}\n{"envelope":1}\n`)
  const first = await dlq(to, 'import', '--file', 'letters.ndjson')
  assert.deepEqual([first.code, first.out], [1, '2 dead letters taken in, 2 refused\n'])
  assert.match(first.err, /^line 4: this is no exported dead letter: it is not JSON: .*\nline 5: .* is missing\n$/)
  assert.ok(!first.err.includes('\x1b'))
  const again = await millrace(['dlq', 'import'], { cwd: to, stdin: exported.out })
  assert.deepEqual([again.code, again.out], [0, '0 dead letters taken in, 2 there already\n'])
  const [line] = (await dlq(to, 'export')).out.split('\n')
  assert.equal(JSON.parse(line ?? '').note, 'mine')
  assert.deepEqual(await records(to), ['2', '1'])
})

test('a dry run says what would happen and why not, and makes no replay', async context => {
  const cwd = await shop(context)
  await dlq(cwd, 'replay', await idOf(cwd, '3'), '--detach')
  const id = await idOf(cwd, '2')
  await dlq(cwd, 'archive', id)
  const named = await dlq(cwd, 'replay', id, await idOf(cwd, '1'), 'zz', '--dry-run', '--to', 'source')
  assert.match(named.out, /^1 dead letter would be replayed to where it came from\n/)
  assert.match(named.out, /not replayed: 1 archived\nnot replayed: 1 unknown\n/)
  assert.match(named.out, /FINGERPRINT +LETTERS +ERROR\n\w{12} +1 +evil/)
  assert.equal(JSON.parse((await dlq(cwd, 'replay', '--all', '--dry-run', '--json')).out).selected, 2)
  assert.equal(JSON.parse((await dlq(cwd, 'jobs', '--json')).out).length, 1)
})

test('a replay is shown, paused, resumed and cancelled by its id', async context => {
  const cwd = await shop(context)
  const asked = await dlq(
    cwd,
    'replay',
    '--all',
    '--detach',
    '--rate',
    '10/m',
    '--canary',
    '1',
    '--stop-on-failures',
    '10%',
    '--json',
  )
  const { job, requested } = JSON.parse(asked.out)
  assert.equal(requested, 3)
  const shown = (await dlq(cwd, 'jobs', job)).out
  for (const part of [
    /^state +running$/m,
    /^rate +0\.16\d*\/s$/m,
    /^canary +1$/m,
    /^stops above +10 % failures$/m,
    /^email +local\/orders +1 +0 +0 +0$/m,
  ])
    assert.match(shown, part)
  assert.equal((await dlq(cwd, 'pause', job)).out, `${job} is paused\n`)
  assert.match((await dlq(cwd, 'jobs')).out, new RegExp(`${job} +paused +3`))
  assert.equal((await dlq(cwd, 'resume', job)).out, `${job} is resumed\n`)
  assert.equal((await dlq(cwd, 'cancel', job)).out, `${job} is cancelled\n`)
  const late = await dlq(cwd, 'pause', job)
  assert.deepEqual([late.code, late.out], [1, `${job} is cancelled already\n`])
  assert.match((await dlq(cwd, 'pause', 'zz')).err, /there is no replay "zz".*REPLAY_NOT_FOUND/)
})

const DOOR = new URL('../../../../core/index.ts', import.meta.url).href
const ZOD = import.meta.resolve('zod')

const config = (edit: 'on' | 'off'): string => `
import { defineConfig, embedded } from '${DOOR}'
import { z } from '${ZOD}'
const local = embedded()
export default defineConfig({
  name: 'shop',
  mappings: { charge: { source: local.queue('orders', { schema: z.object({ total: z.number().min(0) }) }), function: async () => {} } },
  deadLetters: { edit: '${edit}' },
})`

test('a letter is edited where that is allowed: the copy runs, the old one is resolved', async context => {
  const cwd = await temporaryFolder(context)
  const database = openDatabase(join(cwd, '.millrace'))
  const store = openSqliteStore(database, { clock: systemClock })
  await store.park(
    ['1', '2', '3'].map(id => letterFor(fullRecord(id, { body: json({ total: -1, lines: [{ sku: 'a' }] }) }))),
  )
  await database.close()
  const [one, two, three] = await Promise.all(['1', '2', '3'].map(record => idOf(cwd, record)))
  assert.ok(one && two && three)
  await writeFile(join(cwd, 'millrace.config.ts'), config('off'))
  const off = await dlq(cwd, 'edit', one, '--set', 'total=1')
  assert.match(off.err, /editing is off; write deadLetters: \{ edit: 'on' \} .*DEAD_LETTER_REFUSED/)
  await writeFile(join(cwd, 'on.config.ts'), config('on'))
  const edit = (...args: readonly string[]) => dlq(cwd, 'edit', ...args, '-c', 'on.config.ts')
  const wrong = [
    [[one, '--set', 'total=-7'], /is not one for local\/orders: .*DEAD_LETTER_REFUSED/],
    [[one, '--set', 'total'], /must be path=value/],
    [[one, '--set', 'lines.7.sku=1'], /7 is no place in a list of 1/],
    [[one, '--set', 'total.x=1'], /there is no x in -1/],
    [['zz', '--set', 'total=1'], /there is no dead letter "zz"/],
  ] as const
  for (const [args, said] of wrong) assert.match((await edit(...args)).err, said)

  const edited = await edit(
    one,
    '--set',
    'total=1',
    '--set',
    'lines.0.sku=b',
    '--set',
    '__proto__.x=y',
    '-H',
    'trace=',
    '-H',
    'fixed=yes',
  )
  const [, copy = ''] =
    /^\w+ is resolved; its copy (\w+) runs in replay \w+\n$/.exec(edited.out) ?? assert.fail(edited.out + edited.err)
  const shown = JSON.parse((await dlq(cwd, 'show', copy, '--json')).out)
  assert.deepEqual([shown.editOf, shown.record.id], [one, `1~${one}`])
  assert.equal(shown.record.body, '{"total":1,"lines":[{"sku":"b"}],"__proto__":{"x":"y"}}')
  assert.deepEqual(
    shown.record.headers.map(([name]: [string]) => name),
    ['big', 'odd', 'nested', 'fixed'],
  )
  assert.match((await dlq(cwd, 'show', one)).out, /^state +resolved$/m)
  assert.match((await edit(one, '--set', 'total=1')).err, /it is resolved; open and quarantined ones can be edited/)

  const byEditor = await millrace(['dlq', 'edit', two, '-c', 'on.config.ts'], {
    cwd,
    host: { editFile: path => writeFile(path, '{"total":5}') },
  })
  assert.match(byEditor.out, /is resolved; its copy/)
  const untouched = await millrace(['dlq', 'edit', three, '-c', 'on.config.ts'], {
    cwd,
    host: { editFile: async () => {} },
  })
  assert.equal(untouched.out, 'nothing changed\n')
})
