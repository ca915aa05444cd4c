import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { startChild, startNode } from '../support/child.ts'
import { temporaryFolder } from '../support/folder.ts'

const ROOT = new URL('../../', import.meta.url).pathname

/** What the command wrote; fails with it when the command fails. */
const ran = async (child: ReturnType<typeof startChild>): Promise<string> => {
  const { code } = await child.ended
  assert.equal(code, 0, `${child.output()}\n${child.errors()}`)
  return child.output()
}

/** A folder in which what `npm publish ./dist` would publish is installed. */
const installed = async (context: TestContext): Promise<string> => {
  const folder = await temporaryFolder(context)
  // npm may be run by an older Node than the one that is tested; what it starts is to be this one.
  const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` }
  const npm = (cwd: string, ...args: readonly string[]) => ran(startChild(context, 'npm', args, { cwd, env }))
  await ran(startNode(context, ['tools/build.ts'], { cwd: ROOT }))
  await npm(join(ROOT, 'dist'), 'pack', '--pack-destination', folder)
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  writeFileSync(join(folder, 'package.json'), '{ "name": "user", "private": true, "type": "module" }')
  await npm(folder, 'install', '--prefer-offline', '--no-audit', '--no-fund', `./millrace-${version}.tgz`)
  return folder
}

/** A connector of a user's own, as small as one can be, and the suite over it. */
const OWN_CONNECTOR = `
import type { Delivery, EventRecord, Source } from 'millrace'
import { type Skip, type SourceHarness, sourceCases, sourceContract } from 'millrace/testing'

interface Stored { readonly body: Uint8Array; readonly id: string; attempts: number; claim: object | undefined }

const deliver = (stored: Stored): Delivery => ({
  record: { id: stored.id, idStrength: 'stable', source: 'own/list', time: 0, key: null, headers: [], body: stored.body } satisfies EventRecord,
  lane: 'all', attempts: stored.attempts, firstSeen: 0, lost: new AbortController().signal,
})

const openList = (list: Stored[]): Source => ({
  ordered: false, retries: 'core', deferStepsMs: [],
  async poll({ max, maxPerLane }) {
    const free = list.filter(({ claim }) => !claim).slice(0, Math.min(max, maxPerLane))
    return free.map(stored => {
      const delivery = deliver(stored)
      stored.claim = delivery
      return delivery
    })
  },
  async settle(settlements) {
    for (const { delivery, outcome } of settlements) {
      const at = list.findIndex(({ claim }) => claim === delivery)
      if (outcome === 'accepted' && at >= 0) list.splice(at, 1)
    }
    return []
  },
  async pause() {}, async resume() {}, async close() {},
})

const prepare = async (): Promise<SourceHarness> => {
  const list: Stored[] = []
  return {
    open: async () => openList(list),
    publish: async bodies => {
      for (const body of bodies) list.push({ body: Buffer.from(body), id: String(list.length), attempts: 0, claim: undefined })
    },
    send: async () => {}, crash: async () => {}, patienceMs: 100,
    backlog: async () => list.length,
  }
}

const kept = ['what is claimed is unsettled until it is settled', 'poll answers with at most max, and at most maxPerLane of one lane']
const skip: Skip = {
  reason: 'an array promises nothing else',
  promises: sourceCases.map(({ promise }) => promise).filter(promise => !kept.includes(promise)),
}
sourceContract('a list', prepare, [skip])
sourceContract('a list that says too much', prepare, [{ ...skip, promises: skip.promises.slice(1) }])
`

test('what is published installs, can be imported with its types, and brings the command', async context => {
  const folder = await installed(context)
  writeFileSync(join(folder, 'doors.js'), "console.log(typeof (await import('millrace')).defineConfig)")
  assert.equal(await ran(startNode(context, ['doors.js'], { cwd: folder })), 'function\n')

  writeFileSync(join(folder, 'testing.js'), "console.log(typeof (await import('millrace/testing')).testApp)")
  assert.equal(await ran(startNode(context, ['testing.js'], { cwd: folder })), 'function\n')

  writeFileSync(join(folder, 'kafka.js'), "console.log(typeof (await import('millrace/kafka')).kafka)")
  assert.equal(await ran(startNode(context, ['kafka.js'], { cwd: folder })), 'function\n')

  writeFileSync(join(folder, 'cron.js'), "console.log(typeof (await import('millrace/cron')).cron)")
  assert.equal(await ran(startNode(context, ['cron.js'], { cwd: folder })), 'function\n')

  writeFileSync(join(folder, 'inside.js'), "await import('millrace/core/app.js')")
  const inside = startNode(context, ['inside.js'], { cwd: folder })
  assert.notEqual((await inside.ended).code, 0)
  assert.match(inside.errors(), /ERR_PACKAGE_PATH_NOT_EXPORTED/)

  writeFileSync(
    join(folder, 'typed.ts'),
    "import { defineConfig } from 'millrace'\nexport const typed: Function = defineConfig\n",
  )
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  // A user of Node's own modules has their types; ours refer to them.
  const nodeTypes = ['--types', 'node', '--typeRoots', join(ROOT, 'node_modules/@types')]
  const typed = (file: string) =>
    ran(startNode(context, [tsc, '--noEmit', '--strict', '--module', 'nodenext', ...nodeTypes, file], { cwd: folder }))
  await typed('typed.ts')

  writeFileSync(join(folder, 'own.test.ts'), OWN_CONNECTOR)
  await typed('own.test.ts')
  const suite = startNode(context, ['--test', '--test-reporter=tap', 'own.test.ts'], { cwd: folder })
  assert.equal((await suite.ended).code, 1)
  assert.match(suite.output(), /^ok \d+ - a list: what is claimed is unsettled until it is settled$/m)
  assert.match(suite.output(), /^ok \d+ - a list: close ends a poll that waits # SKIP an array promises nothing else$/m)
  assert.match(suite.output(), /^not ok \d+ - a list that says too much: poll resolves as soon as it has one record$/m)
  assert.match(suite.output(), /^# fail 1$/m)

  // Environments start often, so what they start from is one file.
  writeFileSync(join(folder, 'started.js'), 'export const handler = () => process.argv[1]')
  writeFileSync(
    join(folder, 'millrace.config.js'),
    "import { defineConfig } from 'millrace'\nexport default defineConfig({ name: 'a', functions: { started: './started.js' }, mappings: {} })\n",
  )
  const invoke = ['node_modules/.bin/millrace', 'invoke', 'started']
  assert.match(await ran(startNode(context, invoke, { cwd: folder })), /millrace\/core\/engine\/process\/child\.cjs/)

  const help = await ran(startNode(context, ['node_modules/.bin/millrace', '--help'], { cwd: folder }))
  assert.match(help, /millrace/)
  assert.match(help, /dlq/)
})
