import assert from 'node:assert/strict'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { LetterSummary } from '../../../dlq/store.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { millrace, type Ran } from '../../support/terminal.ts'
import { until } from '../../support/until.ts'

const DOOR = new URL('../../../core/index.ts', import.meta.url).href

const CONFIG = `
import { defineConfig, embedded } from '${DOOR}'
import { handler } from './functions/charge.ts'
const local = embedded()
const orders = local.queue('orders')
export default defineConfig({
  name: 'shop',
  mappings: { charge: { source: orders, function: handler, maxAttempts: 1 } },
  channels: [local.topic('receipts')],
})`

/** A function that keeps what it got in a file, and fails what is negative. */
const FUNCTION = `
import { appendFileSync } from 'node:fs'
export const handler = async records => {
  for (const record of records) appendFileSync(new URL('../got.ndjson', import.meta.url), JSON.stringify([record.key, record.data, record.headers]) + '\\n')
  return { batchItemFailures: records.filter(record => record.data.total < 0).map(record => ({ itemIdentifier: record.id, error: 'bad \\x1b[2J total' })) }
}`

const shop = async (context: TestContext): Promise<string> => {
  const folder = await temporaryFolder(context)
  await mkdir(join(folder, 'functions'))
  await writeFile(join(folder, 'functions', 'charge.ts'), FUNCTION)
  await writeFile(join(folder, 'millrace.config.ts'), CONFIG)
  return folder
}

/** Starts the app until \`seen\` says that enough has happened, then drains it. */
const startUntil = async (cwd: string, seen: () => Promise<boolean>): Promise<Ran> => {
  // Sent when the app listens, which may be after the test has given up: otherwise it would run for ever.
  const listening = Promise.withResolvers<() => void>()
  const running = millrace(['start', '--plain'], { cwd, onSignal: listening.resolve })
  const endedEarly = running.then(ran => assert.fail(`the app has ended: ${ran.err}${ran.out}`))
  try {
    await Promise.race([until('the app has done it', seen), endedEarly])
  } finally {
    endedEarly.catch(() => 'it was told to')
    listening.promise.then(send => send())
    await Promise.race([running, listening.promise])
  }
  return running
}

const letters = async (cwd: string, ...more: readonly string[]): Promise<readonly LetterSummary[]> => {
  const { code, out, err } = await millrace(['dlq', 'list', '--json', ...more], { cwd })
  assert.equal(code, 0, err)
  return JSON.parse(out)
}

/** Of the replay made last. */
const replayId = async (cwd: string): Promise<string> =>
  JSON.parse((await millrace(['dlq', 'jobs', '--json'], { cwd })).out)[0].id

const got = async (cwd: string): Promise<readonly unknown[]> =>
  (await readFile(join(cwd, 'got.ndjson'), 'utf8'))
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))

test('help, version and mistakes end with their codes, and mistakes name what was meant', async context => {
  const cwd = await temporaryFolder(context)
  assert.equal((await millrace(['--help'], { cwd })).code, 0)
  assert.match((await millrace(['--version'], { cwd })).out, /^\d+\.\d+\.\d+\n$/)
  assert.equal((await millrace([], { cwd })).code, 2)
  const typo = await millrace(['strat'], { cwd })
  assert.equal(typo.code, 2)
  assert.match(typo.err, /unknown command 'strat'\n\(Did you mean start\?\)/)
  assert.equal((await millrace(['send'], { cwd })).code, 2)
  assert.equal((await millrace(['dlq', 'replay'], { cwd })).code, 2)
  assert.equal((await millrace(['dlq', 'replay', 'a', '--all'], { cwd })).code, 2)
  assert.equal((await millrace(['dlq', 'list', '--limit', 'x'], { cwd })).code, 2)
})

test('every command says what is wrong with the configuration, all at once', async context => {
  const cwd = await temporaryFolder(context)
  const missing = await millrace(['start'], { cwd })
  assert.equal(missing.code, 1)
  assert.match(missing.err, /^millrace: no millrace\.config\.ts .*\(CONFIG_NOT_FOUND\)\n$/)
  await writeFile(join(cwd, 'millrace.config.js'), 'export default { name: "a b", mapings: {} }')
  for (const args of [['start'], ['status'], ['send', 'local/orders', '1'], ['dlq', 'list']]) {
    const { code, err } = await millrace(args, { cwd })
    assert.equal(code, 1)
    assert.match(err, /mapings is not an option; did you mean mappings\?\n {2}name must be .*\n {2}mappings is missing/)
  }
})

test('what was sent is run, what failed is listed, shown and replayed', async context => {
  const cwd = await shop(context)
  const sent = await millrace(['send', 'local/orders', '--key', 'k', '-H', 'a=1'], {
    cwd,
    stdin: '{"total":1}\n\nnope\n{"total":-1}\n',
  })
  assert.deepEqual(sent, {
    code: 1,
    out: '2 records confirmed by local/orders, 1 not sent or not confirmed\n',
    err: 'line 3 is not JSON: Unexpected token \'o\', "nope" is not valid JSON\n',
  })
  assert.deepEqual(await millrace(['send', 'local/orders', '{"total":5}'], { cwd }), {
    code: 0,
    out: '1 record confirmed by local/orders\n',
    err: '',
  })

  const ran = await startUntil(cwd, async () => (await letters(cwd)).length === 1)
  assert.equal(ran.code, 0)
  assert.match(ran.out, /info {2}shop is running: charge reads local\/orders\n/)
  assert.deepEqual((await got(cwd)).slice(0, 1), [['k', { total: 1 }, [['a', '1']]]])

  const [letter] = await letters(cwd)
  assert.ok(letter)
  const listed = await millrace(['dlq', 'list'], { cwd })
  assert.match(listed.out, /open +charge +exhausted +1 +0 .* bad \\x1b\[2J total\n$/)
  const shown = await millrace(['dlq', 'show', letter.id.toUpperCase()], { cwd })
  assert.match(shown.out, /key +k\n(?:.*\n)*body · 12 B\n\{\n {2}"total": -1\n\}\n\n1 attempt\n/)
  assert.ok(!(listed.out + shown.out).includes('\x1b'))

  const failed = await millrace(['dlq', 'replay', letter.id, '--here'], { cwd })
  assert.equal(failed.code, 1)
  assert.equal(
    failed.out,
    `replay ${await replayId(cwd)} of 1 dead letter\n0 dead letters replayed, 1 failed again; look at them: millrace dlq list\n`,
  )
  assert.equal((await letters(cwd))[0]?.replays, 1)
})

test('a mended function empties the list when the dead letters are replayed', async context => {
  const cwd = await shop(context)
  await millrace(['send', 'local/orders'], { cwd, stdin: '{"total":-1}\n{"total":-2}\n' })
  await startUntil(cwd, async () => (await letters(cwd)).length === 2)
  await writeFile(join(cwd, 'functions', 'mended.ts'), 'export const handler = async () => {}')
  await writeFile(join(cwd, 'mended.config.ts'), CONFIG.replace('charge.ts', 'mended.ts'))
  const replayed = await millrace(['dlq', 'replay', '--all', '--here', '-c', 'mended.config.ts'], { cwd })
  const said = `replay ${await replayId(cwd)} of 2 dead letters\n2 dead letters replayed\n`
  assert.deepEqual([replayed.code, replayed.out], [0, said])
  assert.equal((await millrace(['dlq', 'list'], { cwd })).out, 'no dead letters\n')
  assert.equal((await letters(cwd, '--state', 'resolved')).length, 2)
  assert.equal((await millrace(['dlq', 'replay', '--all'], { cwd })).out, 'nothing to replay\n')
  const gone = await millrace(['dlq', 'replay', 'zzzz'], { cwd })
  assert.deepEqual([gone.code, gone.out], [1, 'zzzz is not replayed: unknown\n'])
})

test('a replay that no running app takes is said to be pending, and --here takes it up', async context => {
  const cwd = await shop(context)
  await millrace(['send', 'local/orders', '{"total":-1}'], { cwd })
  await startUntil(cwd, async () => (await letters(cwd)).length === 1)
  const { systemClock } = await import('../../../core/clock.ts')
  // A clock on which each look is ten seconds later.
  let looks = 0
  const clock = { ...systemClock, monotonic: () => looks++ * 10_000 }
  const pending = await millrace(['dlq', 'replay', '--all'], { cwd, host: { clock } })
  const id = await replayId(cwd)
  assert.deepEqual(pending, {
    code: 0,
    out: `replay ${id} of 1 dead letter\npending: no running app of this state folder hosts mapping charge; where one on another machine does, it goes on with it; otherwise start one, or run it here: millrace dlq replay --here; replay ${id} waits until it is cancelled\n`,
    err: '',
  })
  const here = await millrace(['dlq', 'replay', '--here'], { cwd })
  assert.deepEqual(
    [here.code, here.out],
    [1, '0 dead letters replayed, 1 failed again; look at them: millrace dlq list\n'],
  )
  assert.equal((await millrace(['dlq', 'replay', '--here'], { cwd })).out, 'no replay waits\n')
  assert.equal((await letters(cwd))[0]?.replays, 1)
})

test('dead letters and status are found by the state folder where there is no configuration', async context => {
  const cwd = await shop(context)
  await millrace(['send', 'local/orders', '{"total":-1}'], { cwd })
  await startUntil(cwd, async () => (await letters(cwd)).length === 1)
  await rm(join(cwd, 'millrace.config.ts'))
  await mkdir(join(cwd, 'deeper'))
  const deeper = join(cwd, 'deeper')
  assert.equal((await letters(deeper)).length, 1)
  assert.match(
    (await millrace(['status'], { cwd: deeper })).out,
    /^nothing runs on .*\.millrace; millrace start runs the app\n$/,
  )
})

test('a body, a file and records are sent unchanged; what cannot be sent is said', async context => {
  const cwd = await shop(context)
  await writeFile(join(cwd, 'body.bin'), '{"total":7}')
  await writeFile(join(cwd, 'records.ndjson'), '{"key":"a","data":{"total":8}}\n{"dta":1}\n')
  const byFile = await millrace(['send', 'local/orders', '--file', 'body.bin'], { cwd })
  assert.equal(byFile.code, 0)
  const byRecords = await millrace(['send', 'local/orders', '--records', '--file', 'records.ndjson'], { cwd })
  assert.deepEqual([byRecords.code, byRecords.err], [1, 'line 2 dta is not part of a record; did you mean data?\n'])
  const wrong = [
    [['send', 'local/orders'], 2, /there is nothing to send/],
    [['send', 'local/orders', 'x', '--file', 'y'], 2, /goes without --file/],
    [['send', 'local/orders', '--file', 'gone'], 2, /cannot be read: ENOENT/],
    [['send', 'local/orders', '--file', 'gone', '--ndjson'], 2, /cannot be read: ENOENT/],
    [['send', 'local/orders', 'x', '-H', 'nothing'], 2, /--header must be name=value, got "nothing"/],
    [['send', 'local/order', 'x'], 1, /local\/order is not a channel .* known are: local\/orders, local\/receipts/],
  ] as const
  for (const [args, code, said] of wrong) {
    const ran = await millrace(args, { cwd })
    assert.equal(ran.code, code, args.join(' '))
    assert.match(ran.err, said)
  }
  await startUntil(cwd, async () => (await got(cwd).catch(() => [])).length === 2)
  assert.deepEqual(await got(cwd), [
    [null, { total: 7 }, []],
    ['a', { total: 8 }, []],
  ])
})

test('what stopped behind a dead letter is resumed by its mapping’s name', async context => {
  const cwd = await shop(context)
  const stopping = CONFIG.replace('maxAttempts: 1', "maxAttempts: 1, order: 'key', batchSize: 1, onDeadLetter: 'stop'")
  await writeFile(join(cwd, 'millrace.config.ts'), stopping)
  await millrace(['send', 'local/orders', '--key', 'k'], { cwd, stdin: '{"total":-1}\n{"total":2}\n' })
  await startUntil(cwd, async () => (await letters(cwd)).length === 1)
  assert.equal((await got(cwd)).length, 1)
  const resumed = await millrace(['resume', 'charge'], { cwd })
  assert.deepEqual([resumed.code, resumed.out], [0, 'charge: it goes on, 1 stop lifted\n'])
  assert.equal((await millrace(['resume', 'charge'], { cwd })).out, 'charge: nothing of it has stopped\n')
  await startUntil(cwd, async () => (await got(cwd)).length === 2)
  const unknown = await millrace(['resume', 'chrge'], { cwd })
  assert.deepEqual(
    [unknown.code, unknown.err],
    [2, 'millrace: there is no mapping "chrge"; there are: charge (CLI_USAGE)\n'],
  )
})

test('dead letters are replayed to another channel, or to where they came from', async context => {
  const cwd = await shop(context)
  await millrace(['send', 'local/orders'], { cwd, stdin: '{"total":-1}\n{"total":-2}\n' })
  await startUntil(cwd, async () => (await letters(cwd)).length === 2)
  const [first, second] = await letters(cwd)
  const unknown = await millrace(['dlq', 'replay', '--all', '--to', 'local/nowhere'], { cwd })
  assert.match(unknown.err, /local\/nowhere is not a channel .*CHANNEL_UNKNOWN/)
  const away = await millrace(['dlq', 'replay', first?.id ?? '', '--to', 'local/receipts', '--here'], { cwd })
  assert.deepEqual([away.code, away.out.split('\n')[1]], [0, '1 dead letter replayed'])
  const back = await millrace(['dlq', 'replay', second?.id ?? '', '--to', 'source', '--here'], { cwd })
  assert.equal(back.code, 0)
  await startUntil(cwd, async () => (await letters(cwd)).length === 1)
  const [again] = await letters(cwd)
  assert.notEqual(again?.id, second?.id)
  assert.equal(again?.replays, 1)
})
