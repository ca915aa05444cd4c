/** What docs/functions.md says, run: its example as a project, its tables against the code. */
import assert from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { createApp } from '../../core/app.ts'
import { readResult } from '../../core/engine/remote/status.ts'
import { zipOf } from '../core/engine/package/zip.ts'
import { until } from '../support/until.ts'
import { compiles, ROOT, readersProject } from './reader.ts'

const page = await readFile(join(ROOT, 'docs/functions.md'), 'utf8')

/** What `zip -r` does with a folder, on machines that have none. */
const zipFolder = async (folder: string): Promise<Buffer> => {
  const names = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = names.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
  return zipOf(
    ...(await Promise.all(
      files.map(async file => ({ name: file.slice(folder.length + 1), body: await readFile(file) })),
    )),
  )
}

test('the code compiles, and its functions run: a module, a folder with a layer, a zip', {
  timeout: 180_000,
}, async context => {
  const folder = await readersProject(context, page)
  await compiles(context, folder)
  await writeFile(join(folder, 'functions/report.zip'), await zipFolder(join(folder, 'functions/report')))
  const configFile = join(folder, 'millrace.config.ts')
  const { default: config } = await import(pathToFileURL(configFile).href)
  const { orders, done } = await import(pathToFileURL(join(folder, 'channels.ts')).href)
  const said: string[] = []
  const collect = async (batch: readonly { readonly data: string }[]): Promise<void> => {
    said.push(...batch.map(record => record.data))
  }
  const mappings = { ...config.mappings, collect: { source: done, function: collect } }
  const app = createApp({ ...config, mappings }, { configFile })
  context.after(() => app.stop())
  await app.start()
  await app.send(orders, [{ data: { id: 'a-1', total: 1250 } }])
  await until('each has run', () => said.length >= 3)
  assert.deepEqual(said.sort(), ['charged a-1', 'invoiced 12.50 €', 'reported 1250'])
})

test('a function behind a URL gets what the page says', { timeout: 180_000 }, async context => {
  const folder = await readersProject(context, page)
  const asked: { readonly token: string | undefined; readonly type: string | undefined; readonly body: string }[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const { authorization: token, 'content-type': type } = request.headers
    asked.push({ token, type, body: Buffer.concat(chunks).toString('utf8') })
    response.end()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  context.after(() => server.closeAllConnections())
  context.after(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  Object.assign(process.env, { QUOTE_URL: url, NOTIFY_URL: url, QUOTE_TOKEN: 'Bearer 1' })
  const configFile = join(folder, 'remote.config.ts')
  const { default: config } = await import(pathToFileURL(configFile).href)
  const { orders } = await import(pathToFileURL(join(folder, 'channels.ts')).href)
  const app = createApp(config, { configFile })
  context.after(() => app.stop())
  await app.start()
  await app.send(orders, [{ data: { id: 'a-1', total: 7 } }])
  await until('both were asked', () => asked.length === 2)
  const quote = asked.find(({ token }) => token === 'Bearer 1')
  assert.deepEqual(JSON.parse(quote?.body ?? '')[0].data, { id: 'a-1', total: 7 })
  const notify = asked.find(({ token }) => token === undefined)
  assert.equal(notify?.type, 'application/cloudevents+json; charset=utf-8')
  assert.equal(JSON.parse(notify?.body ?? '').specversion, '1.0')
  await until('all was accepted', () => app.status().mappings.every(({ counts }) => counts.accepted === 1))
})

const KINDS: Readonly<Record<string, string>> = {
  answered: 'ok',
  throttled: 'throttled',
  'not ready': 'not-ready',
  failed: 'failed',
}

test('the table of statuses says what the code does', () => {
  const table = page.slice(page.indexOf('<!-- statuses -->'), page.indexOf('<!-- /statuses -->'))
  const rows = [...table.matchAll(/^\| ([\d, ]+) \| \*([a-z ]+)\*/gm)]
  assert.equal(rows.length, 4)
  for (const [, statuses = '', kind = ''] of rows)
    for (const status of statuses.split(', ').map(Number)) {
      const response = { status, headers: {}, body: Buffer.alloc(0) }
      const asked = { functionName: 'f', url: 'http://x/', now: 0, maxBytes: 1 }
      assert.equal(readResult({ kind: 'response', response }, asked).kind, KINDS[kind], `${status}`)
    }
})
