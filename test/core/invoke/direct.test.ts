import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createApp } from '../../../core/app.ts'
import type { App } from '../../../core/app-contract.ts'
import type { InvokeAnswer } from '../../../core/invoke/direct.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { millrace } from '../../support/terminal.ts'

const DOOR = new URL('../../../core/index.ts', import.meta.url).href

const FUNCTIONS = {
  echo: `export const handler = async (event, context) => {
    context.log.info('got it')
    return { event, mapping: context.mapping, id: context.awsRequestId }
  }`,
  nothing: 'export const handler = () => {}',
  bad: `export const handler = () => { throw new TypeError('no such thing') }`,
  records: `import { embedded, onRecord } from '${DOOR}'
    export const handler = onRecord(embedded().queue('orders'), async () => {})`,
  broken: 'throw new Error("cannot connect")',
} as const

const configIn = async (context: TestContext): Promise<{ readonly folder: string; readonly config: object }> => {
  const folder = await temporaryFolder(context)
  for (const [name, source] of Object.entries(FUNCTIONS)) await writeFile(join(folder, `${name}.ts`), source)
  const functions = Object.fromEntries(
    Object.keys(FUNCTIONS).map(name => [name, { file: `./${name}.ts`, maxEnvironments: 1 }]),
  )
  const config = { name: 'shop', functions, mappings: {} }
  await writeFile(join(folder, 'millrace.config.js'), `export default ${JSON.stringify(config)}`)
  return { folder, config }
}

const appIn = async (context: TestContext): Promise<App> => {
  const { folder, config } = await configIn(context)
  const app = createApp(config, { configFile: join(folder, 'millrace.config.js') })
  context.after(() => app.stop())
  return app
}

const reportless = (answer: InvokeAnswer): object => {
  if (!('report' in answer)) return answer
  const { report: _report, ...rest } = answer
  return rest
}

test('an event goes in, and what the function answers comes out, before the app was started and after', async context => {
  const app = await appIn(context)
  const answered = (event: unknown) => ({
    kind: 'answered',
    value: { event, mapping: 'direct', id: 'request' },
  })
  const requestId = 'request'
  assert.deepEqual(reportless(await app.invoke('echo', { sku: 'a' }, { requestId })), answered({ sku: 'a' }))
  assert.deepEqual(reportless(await app.invoke('echo', undefined, { requestId })), answered({}))
  assert.deepEqual(reportless(await app.invoke('echo', Buffer.from('[1]'), { requestId })), answered([1]))
  await app.start()
  assert.deepEqual(reportless(await app.invoke('echo', 'text', { requestId })), answered('text'))
  assert.deepEqual(reportless(await app.invoke('nothing')), { kind: 'answered', value: null })
})

test('what goes wrong is an answer that says what, and only a name that is not there is an error', async context => {
  const app = await appIn(context)
  const failed = await app.invoke('bad')
  assert.ok(failed.kind === 'failed' && failed.error.name === 'TypeError' && failed.error.message === 'no such thing')
  const records = await app.invoke('records')
  assert.ok(records.kind === 'not-ready')
  assert.match(
    records.error.message,
    /functions\.records is made by onRecord or onBatch, .*local\/orders; send it there/,
  )
  const broken = await app.invoke('broken')
  assert.ok(broken.kind === 'not-ready')
  assert.match(broken.error.message, /cannot connect/)
  const invalid = await app.invoke('echo', Buffer.from('{"half":'))
  assert.ok(invalid.kind === 'invalid')
  assert.match(invalid.error.message, /the event is not JSON/)
  await assert.rejects(app.invoke('nope'), { code: 'FUNCTION_NOT_FOUND' })
})

test('who finds all environments busy is told to come again', async context => {
  const app = await appIn(context)
  const [one, other] = await Promise.all([app.invoke('echo'), app.invoke('echo')])
  assert.equal(one.kind, 'answered')
  assert.ok(other.kind === 'throttled')
  assert.equal(other.throttled.throttled, 'function')
})

test('millrace invoke prints the answer, and what was logged and used beside it', async context => {
  const { folder: cwd } = await configIn(context)
  const { code, out, err } = await millrace(['invoke', 'echo', '{"sku":"a"}'], { cwd })
  assert.equal(code, 0, err)
  assert.deepEqual(JSON.parse(out).event, { sku: 'a' })
  assert.match(err, /got it\n.*REPORT RequestId: [\w-]+\tDuration: .*Init Duration/s)
  await writeFile(join(cwd, 'event.json'), '[2]')
  assert.deepEqual(JSON.parse((await millrace(['invoke', 'echo', '-e', 'event.json'], { cwd })).out).event, [2])
  const piped = await millrace(['invoke', 'echo', '--json', '--event', '-'], { cwd, stdin: '[3]' })
  assert.deepEqual(JSON.parse(piped.out).value.event, [3])
})

test('millrace invoke ends with 1 and the reason when there is no answer', async context => {
  const { folder: cwd } = await configIn(context)
  const failed = await millrace(['invoke', 'bad'], { cwd })
  assert.deepEqual([failed.code, failed.out], [1, ''])
  assert.match(failed.err, /TypeError: no such thing\n\s+at /)
  assert.match((await millrace(['invoke', 'nope'], { cwd })).err, /functions\.nope: no such function is configured/)
  assert.equal((await millrace(['invoke', 'bad', '{}', '-e', 'x'], { cwd })).code, 2)
  assert.match((await millrace(['invoke', 'bad', '-e', 'missing'], { cwd })).err, /the input cannot be read: ENOENT/)
})
