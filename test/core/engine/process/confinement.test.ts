/** What an environment has for itself, what it is not given, and what it may not do. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { startNode } from '../../../support/child.ts'
import { temporaryFolder } from '../../../support/folder.ts'
import { until } from '../../../support/until.ts'
import { core, harness, outcomeAs } from '../harness.ts'

const NOTHING = { read: [], write: [], childProcesses: false, workers: false, addons: false }

test('each environment works in the folder of its code, and has one for temporary files that goes with it', async context => {
  const { run, engine } = await harness(context, {
    f: {
      source: `import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
        import { tmpdir } from 'node:os'
        const found = readdirSync(tmpdir())
        const template = readFileSync('./f.ts', 'utf8')
        export const handler = () => {
          writeFileSync(tmpdir() + '/left', 'x')
          return { cwd: process.cwd(), tmp: tmpdir(), found, template, task: process.env.LAMBDA_TASK_ROOT }
        }`,
    },
  })
  const [one, other] = (await Promise.all([run('f'), run('f')])).map(
    report =>
      outcomeAs(report, 'answered').value as Readonly<Record<'cwd' | 'tmp' | 'task' | 'template', string>> & {
        found: string[]
      },
  )
  assert.ok(one && other)
  assert.equal(one.cwd, one.task)
  assert.match(one.template, /^import/)
  assert.notEqual(one.tmp, other.tmp)
  assert.deepEqual(one.found, [])
  assert.ok(existsSync(join(one.tmp, 'left')))
  await engine.close(1_000)
  for (const { tmp } of [one, other]) assert.ok(!existsSync(tmp), 'they are gone')
})

test('the folder of an environment that was killed is removed too', async context => {
  const { run } = await harness(context, {
    f: { timeoutMs: 1_000, source: 'export const handler = () => { console.log(process.env.TMPDIR); for (;;) {} }' },
  })
  const folder = (await run('f')).logs[0]
  assert.ok(folder)
  await until('it is gone', () => !existsSync(folder))
})

test('what a preloaded module is named by is found from where the app was started', async context => {
  const folder = await temporaryFolder(context)
  await writeFile(join(folder, 'preload.mjs'), "globalThis.preloaded = 'yes'")
  await writeFile(join(folder, 'f.mjs'), "console.log('preloaded:', globalThis.preloaded); export const handler = 1")
  await writeFile(
    join(folder, 'host.ts'),
    `import { systemClock } from ${core('clock.ts')}
     import { defaultsOf } from ${core('config/options.ts')}
     import { fromOptions, functionOptions, functionSpec } from ${core('config/function-options.ts')}
     import { createEngine } from ${core('engine/engine.ts')}
     import { logTo } from ${core('log.ts')}
     const values = { ...defaultsOf(functionOptions), nodeOptions: ['--import', './preload.mjs'], provisioned: 1 }
     createEngine([functionSpec(fromOptions('f', values, { file: process.cwd() + '/f.mjs' }))], { clock: systemClock, app: 'test', maxEnvironments: 1,
       host: { send: async () => {} }, log: logTo((level, message) => console.log(message)) })`,
  )
  const host = startNode(context, [join(folder, 'host.ts')], { cwd: folder })
  assert.equal(await host.line(/^preloaded/), 'preloaded: yes')
})

test('a variable of 5 MB is refused by name, before the system refuses all of them', async context => {
  const { run } = await harness(context, {
    large: { source: 'export const handler = () => 1', env: { SMALL: 'x', LARGE: 'x'.repeat(5_000_000) } },
    many: {
      source: 'export const handler = () => 1',
      env: Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`V${index}`, 'x'.repeat(100_000)])),
    },
    zero: { source: 'export const handler = () => 1', env: { ZERO: 'a\0b' } },
    fits: { source: 'export const handler = () => process.env.FITS.length', env: { FITS: 'x'.repeat(131_000) } },
  })
  const message = async (name: string) => outcomeAs(await run(name), 'not-ready').error.message
  assert.match(await message('large'), /functions\.large\.env\.LARGE must have at most 131071 bytes.*got 5000006.*file/)
  assert.match(await message('many'), /functions\.many\.env must have at most 2000000 bytes in all, got 3\d{6}/)
  assert.match(await message('zero'), /functions\.zero\.env\.ZERO must be a text without zero bytes/)
  assert.equal(outcomeAs(await run('fits'), 'answered').value, 131_000)
})

test('with permissions a function is loaded, with its packages, and may do what it was given', async context => {
  const folder = await temporaryFolder(context)
  const open = join(folder, 'open.txt')
  await writeFile(open, 'open')
  await writeFile(join(folder, 'closed.txt'), 'closed')
  const source = `import * as fs from 'node:fs'
    import { execSync } from 'node:child_process'
    import { Worker } from 'node:worker_threads'
    import { NotRetryable } from ${JSON.stringify(join(import.meta.dirname, '../../../../core/index.ts'))}
    const attempt = run => { try { run(); return 'ok' } catch (error) { return error.code } }
    export const handler = () => ({
      loaded: typeof NotRetryable,
      open: attempt(() => fs.readFileSync(${JSON.stringify(open)})),
      closed: attempt(() => fs.readFileSync(${JSON.stringify(join(folder, 'closed.txt'))})),
      passwords: attempt(() => fs.readFileSync('/etc/passwd')),
      code: attempt(() => fs.writeFileSync('x', 'x')),
      temporary: attempt(() => fs.writeFileSync(process.env.TMPDIR + '/x', 'x')),
      written: attempt(() => fs.writeFileSync(${JSON.stringify(open)}, 'x')),
      child: attempt(() => execSync('true')),
      worker: attempt(() => new Worker('', { eval: true })),
    })`
  const { run } = await harness(context, {
    least: { source, permissions: NOTHING },
    more: {
      source,
      permissions: { ...NOTHING, read: [folder], write: [open], childProcesses: true, workers: true },
    },
  })
  const DENIED = 'ERR_ACCESS_DENIED'
  assert.deepEqual(outcomeAs(await run('least'), 'answered').value, {
    loaded: 'function',
    open: DENIED,
    closed: DENIED,
    passwords: DENIED,
    code: DENIED,
    temporary: 'ok',
    written: DENIED,
    child: DENIED,
    worker: DENIED,
  })
  assert.deepEqual(outcomeAs(await run('more'), 'answered').value, {
    loaded: 'function',
    open: 'ok',
    closed: 'ok',
    passwords: DENIED,
    code: DENIED,
    temporary: 'ok',
    written: 'ok',
    child: 'ok',
    worker: 'ok',
  })
  assert.equal(await readFile(open, 'utf8'), 'x')
})

test('a function whose folder disappears goes on in the environments it has, and says what is wrong with new ones', async context => {
  const { run } = await harness(context, {
    f: {
      maxEnvironments: 1,
      source: `import { rmSync } from 'node:fs'
        export const handler = ([record]) => {
          if (record.data.remove) rmSync(import.meta.dirname + '/f.ts')
          if (record.data.crash) process.exit(1)
          return process.pid
        }`,
    },
  })
  const first = outcomeAs(await run('f', ['{"remove":true}']), 'answered').value
  assert.equal(outcomeAs(await run('f'), 'answered').value, first)
  outcomeAs(await run('f', ['{"crash":true}']), 'failed')
  const { error } = outcomeAs(await run('f'), 'not-ready')
  assert.equal(error.code, 'FUNCTION_NOT_FOUND')
  assert.match(error.message, /f\.ts does not exist; create it, or correct the path/)
})
