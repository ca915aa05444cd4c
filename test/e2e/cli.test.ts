/** The real binary as processes of its own: signals, exit codes, and changes taken while it runs. */
import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Child, startNode } from '../support/child.ts'
import { temporaryFolder } from '../support/folder.ts'
import { millrace } from '../support/terminal.ts'
import { until } from '../support/until.ts'

const DOOR = new URL('../../core/index.ts', import.meta.url).href
const MAIN = new URL('../../core/cli/main.ts', import.meta.url).pathname

const config = (more = ''): string => `
import { defineConfig, embedded } from '${DOOR}'
const local = embedded()
export default defineConfig({
  name: 'shop',
  functions: { charge: './functions/charge.ts' },
  mappings: { charge: { source: local.queue('orders'), function: 'charge', ${more} } },
})`

/** Writes its answer and what it got to a file; \`helper.ts\` is part of its import graph. */
const FUNCTION = `
import { appendFileSync } from 'node:fs'
import { answer } from './helper.ts'
export const handler = async (records: readonly { data: unknown }[]) => {
  for (const { data } of records) appendFileSync(new URL('../got', import.meta.url), answer + ' ' + JSON.stringify(data) + '\\n')
  for (const { data } of records) if (data === 'stuck') await new Promise(resolve => setTimeout(resolve, 60_000))
}`

const shop = async (context: TestContext): Promise<string> => {
  const folder = await temporaryFolder(context)
  await mkdir(join(folder, 'functions'))
  await writeFile(join(folder, 'functions', 'helper.ts'), "export const answer: string = 'first'")
  await writeFile(join(folder, 'functions', 'charge.ts'), FUNCTION)
  await writeFile(join(folder, 'millrace.config.ts'), config())
  return folder
}

const start = (context: TestContext, cwd: string, ...args: readonly string[]): Child =>
  startNode(context, [MAIN, ...args], { cwd })

const got = (cwd: string): Promise<string> => readFile(join(cwd, 'got'), 'utf8').catch(() => '')

const send = async (cwd: string, body: string, ...more: readonly string[]): Promise<void> => {
  assert.equal((await millrace(['send', 'local/orders', body, ...more], { cwd })).code, 0)
}

test('start runs until a signal, is seen by status, drains and ends with 0', async context => {
  const cwd = await shop(context)
  const child = start(context, cwd, 'start')
  await child.line(/shop is running: charge reads local\/orders/)
  const shown = await until('status knows the process', async () => {
    const { out } = await millrace(['status'], { cwd })
    return out.includes('running') && out
  })
  assert.match(shown, new RegExp(`^shop · process ${child.pid} · running`))
  await send(cwd, '1')
  await until('the record is processed', async () => (await got(cwd)) === 'first 1\n')
  child.kill('SIGTERM')
  assert.deepEqual(await child.ended, { code: 0, signal: null })
  assert.match((await millrace(['status'], { cwd })).out, /^nothing runs on /)
})

test('a second signal does not wait for a function that hangs, and ends with 1', async context => {
  const cwd = await shop(context)
  const child = start(context, cwd, 'start', '--json')
  await child.line(/"message":"shop is running/)
  await send(cwd, '"stuck"')
  await until('the function hangs', async () => (await got(cwd)).includes('stuck'))
  child.kill('SIGINT')
  await child.line(/"message":"stopping/)
  child.kill('SIGINT')
  assert.deepEqual(await child.ended, { code: 1, signal: null })
})

test('dev takes a change in the import graph of a function, and of the configuration', async context => {
  const cwd = await shop(context)
  const child = start(context, cwd, 'dev')
  await child.line(/shop is running/)
  await send(cwd, '1')
  await until('the first version ran', async () => (await got(cwd)) === 'first 1\n')
  await writeFile(join(cwd, 'functions', 'helper.ts'), "export const answer: string = 'second'")
  await child.line(/changed: charge · files=\["functions\/helper\.ts"\]/)
  await send(cwd, '2')
  await until('the second version ran', async () => (await got(cwd)).endsWith('second 2\n'))
  await writeFile(join(cwd, 'millrace.config.ts'), config('batchSize: 5'))
  await child.line(/changed: charge · files=\["millrace\.config\.ts"\]/)
  await send(cwd, '3')
  await until('the changed mapping runs', async () => (await got(cwd)).endsWith('second 3\n'))
  child.kill('SIGINT')
  assert.deepEqual(await child.ended, { code: 0, signal: null })
})

test('dev keeps what ran before when a file is broken, and shows why', async context => {
  const cwd = await shop(context)
  await writeFile(join(cwd, 'sender.config.ts'), config())
  const child = start(context, cwd, 'dev')
  await child.line(/shop is running/)
  await writeFile(join(cwd, 'millrace.config.ts'), config('batchSiz: 5'))
  await child.line(/error not taken, what ran before goes on: .*batchSiz is not an option; did you mean batchSize\?/)
  await writeFile(join(cwd, 'millrace.config.ts'), 'export default {')
  await child.line(/error not taken, what ran before goes on: .*cannot be imported.*\/millrace\.config\.ts:1/)
  await send(cwd, '1', '--config', 'sender.config.ts')
  await until('what ran before goes on', async () => (await got(cwd)) === 'first 1\n')
  await writeFile(join(cwd, 'millrace.config.ts'), config('batchSize: 7'))
  await child.line(/changed: charge/)
})

test('deploy has a running app take what has changed, says what came of it, and takes nothing that is wrong', async context => {
  const cwd = await shop(context)
  assert.match(
    (await millrace(['deploy'], { cwd })).out,
    /^no process runs shop on .*; millrace start takes it as it is/,
  )
  const child = start(context, cwd, 'start')
  await child.line(/shop is running/)
  await send(cwd, '1')
  await until('the first version ran', async () => (await got(cwd)) === 'first 1\n')
  const deploy = () => millrace(['deploy'], { cwd })
  await until('the process is known', async () => (await millrace(['status'], { cwd })).out.includes('running'))
  assert.deepEqual(await deploy(), { code: 0, out: `process ${child.pid}: nothing has changed\n`, err: '' })
  await writeFile(join(cwd, 'functions', 'helper.ts'), "export const answer: string = 'second'")
  assert.deepEqual(await deploy(), { code: 0, out: `process ${child.pid}: changed: charge\n`, err: '' })
  await child.line(/changed: charge · signal=SIGHUP/)
  await send(cwd, '2')
  await until('the second version ran', async () => (await got(cwd)).endsWith('second 2\n'))
  await writeFile(join(cwd, 'millrace.config.ts'), config('batchSize: 0'))
  const refused = await deploy()
  assert.equal(refused.code, 1)
  // This process keeps the configuration it has imported: here it is the running app that refuses.
  assert.match(refused.out, /process \d+: not taken: .*mappings\.charge\.batchSize must be between 1 and 10000, got 0/)
  await writeFile(join(cwd, 'millrace.config.ts'), config().replace("'shop',", "'shop', stateDir: './other',"))
  child.kill('SIGHUP')
  await child.line(/not taken, what ran before goes on: stateDir changed; stop the app/)
  await writeFile(join(cwd, 'millrace.config.ts'), config())
  await send(cwd, '3')
  await until('what ran before goes on', async () => (await got(cwd)).endsWith('second 3\n'))
  child.kill('SIGTERM')
  assert.deepEqual(await child.ended, { code: 0, signal: null })
})

test('an app that cannot start ends with 1 and says why', async context => {
  const cwd = await shop(context)
  const env = `env: { KEY: env('MILLRACE_TEST_NOT_SET') }`
  const text = config()
    .replace("'./functions/charge.ts'", `{ file: './functions/charge.ts', ${env} }`)
    .replace('{ defineConfig,', '{ defineConfig, env,')
  await writeFile(join(cwd, 'millrace.config.ts'), text)
  const child = start(context, cwd, 'start')
  assert.deepEqual(await child.ended, { code: 1, signal: null })
  assert.match(
    child.errors(),
    /functions\.charge\.env\.KEY: the environment variable MILLRACE_TEST_NOT_SET is not set.*\(SECRET_MISSING\)/,
  )
})
