/** What does not get through to a function, and what a function cannot leave behind. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { startNode } from '../../support/child.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { until } from '../../support/until.ts'
import { core, harness, outcomeAs } from './harness.ts'
import { inEveryIsolation } from './isolations.ts'

inEveryIsolation(
  'a function sees PATH, TZ, LANG, NODE_ENV, the variables of Lambda and its own, and nothing else',
  async (context, isolation) => {
    process.env.CANARY_SECRET = 'canary-4711'
    context.after(() => {
      delete process.env.CANARY_SECRET
    })
    const { run } = await harness(context, {
      f: {
        isolation,
        source: `import { execFileSync } from 'node:child_process'
        const atImport = { ...process.env }
        export const handler = () => ({ atImport, later: { ...process.env }, child: execFileSync('env').toString(), argv: process.argv, execArgv: process.execArgv })`,
        env: { KEY: 'own' },
      },
    })
    const report = await run('f')
    const seen = outcomeAs(report, 'answered').value as {
      atImport: Record<string, string>
      later: Record<string, string>
    }
    const allowed = [
      'PATH',
      'TZ',
      'LANG',
      'NODE_ENV',
      'TMPDIR',
      'KEY',
      '_HANDLER',
      'LAMBDA_TASK_ROOT',
      'AWS_REGION',
      'AWS_DEFAULT_REGION',
      ...[
        'FUNCTION_NAME',
        'FUNCTION_VERSION',
        'FUNCTION_MEMORY_SIZE',
        'LOG_GROUP_NAME',
        'LOG_STREAM_NAME',
        'INITIALIZATION_TYPE',
      ].map(name => `AWS_LAMBDA_${name}`),
    ]
    assert.deepEqual(
      Object.keys(seen.atImport).filter(name => !allowed.includes(name)),
      [],
    )
    assert.deepEqual(seen.later, seen.atImport)
    assert.equal(seen.atImport.KEY, 'own')
    assert.equal(seen.atImport._HANDLER, 'f.handler')
    assert.equal(seen.atImport.AWS_LAMBDA_FUNCTION_NAME, 'f')
    assert.equal(seen.atImport.AWS_REGION, 'local')
    assert.ok(!JSON.stringify(seen).includes('canary-4711'))
  },
  { variables: 'always' },
)

const running = (pid: number): boolean => {
  try {
    // A killed process stays as a zombie until somebody waits for it, which in a container may be nobody.
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

const HOST = `
import { createEngine } from ${core('engine/engine.ts')}
import { systemClock } from ${core('clock.ts')}
import { logTo } from ${core('log.ts')}
const engine = createEngine(
  [{ name: 'f', code: { file: process.argv[2] }, isolation: 'process', timeoutMs: 600000, initTimeoutMs: 20000, memoryMb: 256,
     idleMs: 600000, maxEnvironments: 2, reserved: 0, provisioned: 0, snapshot: false, rampUp: 1000, env: {}, nodeOptions: [] }],
  { clock: systemClock, log: logTo((level, message) => console.log(message)), host: { send: async () => {} }, app: 'test', maxEnvironments: 10 })
const slot = await engine.acquire('f', 'm', new AbortController().signal)
const record = { id: '1', idStrength: 'stable', source: 'local/q', time: 0, key: null, headers: [], body: Buffer.from('{}') }
await slot.invoke({ requestId: 'r', mapping: 'm', channel: 'local/q', codec: 'json', hasSchema: false, order: 'none',
  records: [{ record, attempt: 1, idempotencyKey: 'k', fence: 1 }], signal: new AbortController().signal })
console.log('answered')
`

const SHAPES = {
  'in a busy loop': 'for (;;) {}',
  waiting: 'await new Promise(() => {})',
  'in a synchronous child': "execSync('sleep 600')",
  idle: '',
}

for (const [what, statement] of Object.entries(SHAPES))
  test(`an environment that is ${what} does not outlive a host that was killed with SIGKILL`, async context => {
    const folder = await temporaryFolder(context)
    await writeFile(join(folder, 'host.ts'), HOST)
    await writeFile(
      join(folder, 'f.ts'),
      `import { execSync, spawn } from 'node:child_process'
       export const handler = async () => {
         console.log('pids', process.pid, spawn('sleep', ['600'], { stdio: 'ignore' }).pid); ${statement} }`,
    )
    const host = startNode(context, [join(folder, 'host.ts'), join(folder, 'f.ts')])
    const [, environment, grandchild] = (await host.line(/^pids/)).split(' ').map(Number)
    assert.ok(environment && grandchild)
    if (statement === '') await host.line(/^answered/)
    assert.ok(running(environment) && running(grandchild))
    host.kill('SIGKILL')
    await host.ended
    await until('the environment is gone', () => !running(environment))
    await until('what it had started is gone', () => !running(grandchild))
  })

test('a host that simply ends leaves nothing behind and is not kept alive', async context => {
  const folder = await temporaryFolder(context)
  await writeFile(join(folder, 'host.ts'), `${HOST}\nawait engine.close(1000)\n`)
  await writeFile(join(folder, 'f.ts'), "export const handler = () => console.log('pids', process.pid)")
  const host = startNode(context, [join(folder, 'host.ts'), join(folder, 'f.ts')])
  const [, environment] = (await host.line(/^pids/)).split(' ').map(Number)
  assert.deepEqual(await host.ended, { code: 0, signal: null })
  assert.ok(environment && !running(environment))
})
