import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { FunctionSpec, Report } from '../../../../core/engine/contract.ts'
import { environmentVariables } from '../../../../core/engine/hosting/start.ts'
import { startNode } from '../../../support/child.ts'
import { temporaryFolder } from '../../../support/folder.ts'
import { until } from '../../../support/until.ts'
import { core, type Harness, harness, outcomeAs } from '../harness.ts'

/** What a function can see of its process, but for what is another in every process. */
const LOOK = `
  import { createRequire } from 'node:module'
  import { readdirSync } from 'node:fs'
  const OWN = ['TMPDIR', 'AWS_LAMBDA_LOG_STREAM_NAME']
  export const handler = () => ({
    env: Object.entries(process.env).filter(([name]) => !OWN.includes(name)).sort(),
    cwd: process.cwd(), tmp: readdirSync(process.env.TMPDIR).join(),
    argv: process.argv, execArgv: process.execArgv, title: process.title,
    handles: [...new Set(process.getActiveResourcesInfo())].sort(),
    descriptors: readdirSync('/proc/self/fd').length,
    modules: Object.keys(createRequire(import.meta.url).cache),
    globals: Object.getOwnPropertyNames(globalThis).sort(),
    listeners: process.eventNames().map(String).sort(),
    zone: new Date(0).getHours(), locale: new Intl.NumberFormat().resolvedOptions().locale,
  })`

const zygoteReady = ({ engine }: Harness): Promise<boolean> =>
  until('a blank process is ready', () => engine.zygotes() === 1)

const from = (report: Report): string | undefined => report.coldStart?.from

/** Processes of environments that this one has started. */
const environmentPids = (): readonly number[] =>
  readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(pid => {
      const status = readOr(`/proc/${pid}/status`)
      return status.includes(`\nPPid:\t${process.pid}\n`) && /\/child[.-]/.test(readOr(`/proc/${pid}/cmdline`))
    })

const readOr = (path: string): string => {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

for (const [what, options] of [
  ['plain', {}],
  ['with variables that are read at start', { env: { TZ: 'Asia/Tokyo', LANG: 'de_DE.UTF-8', A: 'x'.repeat(90_000) } }],
  [
    'held to permissions',
    { permissions: { read: ['/proc'], write: [], childProcesses: false, workers: false, addons: false } },
  ],
] as const satisfies readonly (readonly [string, Partial<FunctionSpec>])[])
  test(`a function cannot tell that its process was blank before: ${what}`, async context => {
    const written = { f: { source: LOOK, ...options } }
    const direct = await (await harness(context, written)).run('f')
    const made = await harness(context, written, { zygotes: 1 })
    await zygoteReady(made)
    const report = await made.run('f')
    assert.deepEqual([from(direct), from(report)], ['new', 'zygote'])
    const seen = (each: Report): string =>
      // Each harness has a folder of its own, and each environment.
      JSON.stringify(outcomeAs(each, 'answered').value, undefined, 1).replaceAll(/\/tmp\/[\w./-]+/g, '/tmp/…')
    assert.equal(seen(report), seen(direct))
    const { env, locale } = outcomeAs(report, 'answered').value as { env: [string, string][]; locale: string }
    const [spec] = made.specs
    assert.ok(spec)
    const place = {
      app: 'test',
      functionName: 'f',
      version: report.version,
      memoryMb: 256,
      environment: '',
      initialization: 'on-demand' as const,
    }
    const { AWS_LAMBDA_LOG_STREAM_NAME: _, ...expected } = environmentVariables(spec, place, process.env)
    assert.deepEqual(Object.fromEntries(env), expected)
    if (spec.env.LANG !== undefined) assert.equal(locale, 'de-DE')
  })

test('a cold start tells what it consisted of, and takes the blank process where there is one', async context => {
  const source = `await new Promise(resolve => setTimeout(resolve, 60)); export const handler = () => process.pid`
  const made = await harness(context, { f: { source, isolation: 'process' } }, { zygotes: 1 })
  await zygoteReady(made)
  const [blank] = environmentPids()
  const both = await Promise.all([made.run('f'), made.run('f')])
  assert.equal(outcomeAs(both[0], 'answered').value, blank)
  assert.deepEqual(both.map(from), ['zygote', 'new'])
  for (const { initMs = 0, coldStart } of both) {
    const { startMs = 0, runtimeMs = 0, importMs = 0 } = coldStart ?? {}
    assert.ok(importMs >= 55 && startMs > 0, JSON.stringify(coldStart))
    const knownMs = startMs + runtimeMs + importMs
    assert.ok(knownMs > initMs / 2 && knownMs <= initMs + 1, `${initMs}, ${JSON.stringify(coldStart)}`)
  }
  assert.equal(both[0].coldStart?.runtimeMs, 0)
  assert.ok((both[1].coldStart?.runtimeMs ?? 0) > 0)
  await zygoteReady(made)
})

test('one that is killed is replaced, and a start meanwhile does without', async context => {
  const made = await harness(context, { f: { source: 'export const handler = () => {}' } }, { zygotes: 1 })
  await zygoteReady(made)
  for (const pid of environmentPids()) process.kill(pid, 'SIGKILL')
  await until('it is told', () => made.lines.some(line => /blank process.* SIGKILL; another one in 1000 ms/.test(line)))
  assert.equal(made.engine.zygotes(), 0)
  assert.equal(from(await made.run('f')), 'new')
  await zygoteReady(made)
})

test('one that ends before it has loaded anything costs its function nothing but the time', async context => {
  const made = await harness(context, { f: { source: 'export const handler = () => process.pid' } }, { zygotes: 1 })
  await zygoteReady(made)
  const [blank] = environmentPids()
  assert.ok(blank)
  // It is handed out, and cannot take what it is given.
  process.kill(blank, 'SIGSTOP')
  const running = made.run('f')
  await until('it is handed out', () => made.engine.zygotes() === 0)
  process.kill(blank, 'SIGKILL')
  const report = await running
  assert.notEqual(outcomeAs(report, 'answered').value, blank)
  assert.equal(from(report), 'new')
})

test('functions of one kind share it; what must start otherwise does not', async context => {
  const source = 'export const handler = () => [process.execArgv.length, process.env.A ?? null]'
  const made = await harness(
    context,
    {
      a: { source, env: { A: 'a' } },
      b: { source, env: { A: 'b' } },
      preloads: { source, nodeOptions: ['--import', 'data:text/javascript,'] },
      thread: { source, isolation: 'thread' },
    },
    { zygotes: 1 },
  )
  await zygoteReady(made)
  const b = await made.run('b')
  assert.equal(from(b), 'zygote')
  assert.deepEqual(outcomeAs(b, 'answered').value, [1, 'b'])
  assert.equal(from(await made.run('preloads')), 'new')
  await zygoteReady(made)
  const a = await made.run('a')
  assert.deepEqual([from(a), outcomeAs(a, 'answered').value], ['zygote', [1, 'a']])
})

test('none is left when the engine was closed or nobody wants its kind, and none is started where that is off', async context => {
  const written = { f: { source: 'export const handler = () => {}' } }
  const made = await harness(context, written, { zygotes: 1 })
  await zygoteReady(made)
  const [first] = environmentPids()
  made.engine.replace(made.specs.map(spec => ({ ...spec, env: { NEW: '1' } })))
  assert.equal(made.engine.zygotes(), 1)
  made.engine.replace(made.specs.map(spec => ({ ...spec, memoryMb: 300 })))
  await until(
    'that of another kind took its place',
    () => made.engine.zygotes() === 1 && !environmentPids().includes(first ?? 0),
  )
  await made.engine.close(0)
  assert.deepEqual(environmentPids(), [])
  const without = await harness(context, written)
  assert.equal(from(await without.run('f')), 'new')
  assert.equal(without.engine.zygotes(), 0)
})

test('a host that has nothing else to do waits until none is left', async context => {
  const folder = await temporaryFolder(context)
  await writeFile(join(folder, 'f.mjs'), 'export const handler = () => 1')
  await writeFile(
    join(folder, 'host.ts'),
    `import { setTimeout as pause } from 'node:timers/promises'
     import { systemClock } from ${core('clock.ts')}
     import { defaultsOf } from ${core('config/options.ts')}
     import { fromOptions, functionOptions, functionSpec } from ${core('config/function-options.ts')}
     import { createEngine } from ${core('engine/engine.ts')}
     import { silentLog } from ${core('log.ts')}
     const spec = functionSpec(fromOptions('f', defaultsOf(functionOptions), { file: ${JSON.stringify(join(folder, 'f.mjs'))} }))
     const engine = createEngine([spec], { clock: systemClock, app: 'test', maxEnvironments: 1, zygotes: 1,
       host: { send: async () => {} }, log: silentLog })
     while (engine.zygotes() === 0) await pause(10)
     // One that is still starting would keep its host going by what is written to it.
     await pause(600)
     await engine.close(0)
     console.log('closed')`,
  )
  const host = startNode(context, [join(folder, 'host.ts')])
  assert.deepEqual([(await host.ended).code, host.output().trim()], [0, 'closed'])
})

test('blank processes have the code that is asked for: that of a new version, and of the canary beside it', async context => {
  const made = await harness(context, { f: { source: 'export const handler = () => 1' } }, { zygotes: 1 })
  const [spec] = made.specs
  assert.ok(spec && 'file' in spec.code)
  const { file } = spec.code
  const answer = async (): Promise<unknown> => {
    await zygoteReady(made)
    const report = await made.run('f')
    return [from(report), outcomeAs(report, 'answered').value]
  }
  assert.deepEqual(await answer(), ['zygote', 1])
  await writeFile(file, 'export const handler = () => 22')
  made.engine.replace(made.specs)
  assert.deepEqual(await answer(), ['zygote', 22])
  const beside = file.replace('f.ts', 'canary.ts')
  await writeFile(beside, 'export const handler = () => 333')
  made.engine.replace([{ ...spec, canary: { code: { file: beside }, weight: 100 } }])
  assert.deepEqual(await answer(), ['zygote', 333])
})
