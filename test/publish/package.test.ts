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

test('what is published installs, can be imported with its types, and brings the command', async context => {
  const folder = await installed(context)
  writeFileSync(join(folder, 'doors.js'), "console.log(typeof (await import('millrace')).defineConfig)")
  assert.equal(await ran(startNode(context, ['doors.js'], { cwd: folder })), 'function\n')

  writeFileSync(join(folder, 'testing.js'), "console.log(typeof (await import('millrace/testing')).testApp)")
  assert.equal(await ran(startNode(context, ['testing.js'], { cwd: folder })), 'function\n')

  writeFileSync(join(folder, 'kafka.js'), "console.log(typeof (await import('millrace/kafka')).kafka)")
  assert.equal(await ran(startNode(context, ['kafka.js'], { cwd: folder })), 'function\n')

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
  await ran(
    startNode(context, [tsc, '--noEmit', '--strict', '--module', 'nodenext', ...nodeTypes, 'typed.ts'], {
      cwd: folder,
    }),
  )

  const help = await ran(startNode(context, ['node_modules/.bin/millrace', '--help'], { cwd: folder }))
  assert.match(help, /millrace/)
  assert.match(help, /dlq/)
})
