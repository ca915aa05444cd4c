/** Cgroups, stop and continue, and what is killed with an environment, on the real kernel: as far as this machine lets us. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import type { CpuMeans } from '../../../../core/engine/contract.ts'
import { findPlaces, removeGroup } from '../../../../core/engine/limits/places.ts'
import { startNode } from '../../../support/child.ts'
import { temporaryFolder } from '../../../support/folder.ts'
import { until } from '../../../support/until.ts'
import { core, harness, outcomeAs } from '../harness.ts'
import { limitsHost } from './host.ts'

const places = findPlaces('test-probe', [2, 1], ['memory', 'pids', 'cpu'])
for (const { dir } of places) removeGroup(dir)
const holds = (controller: 'memory' | 'pids' | 'cpu') => places.some(place => place.controllers.includes(controller))
const wants = (controller: 'memory' | 'pids' | 'cpu') =>
  holds(controller) ? {} : { skip: `no cgroup of ${controller} may be made here` }

const running = (pid: number): boolean => {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

/** The groups of an environment of this process. */
const pathsOf = (environment: string): readonly string[] =>
  places.flatMap(({ dir }) => {
    const beside = dirname(dir)
    return readdirSync(beside)
      .filter(name => name.startsWith('millrace-') && name.includes(`-${process.pid}.`))
      .map(name => join(beside, name, environment))
      .filter(path => existsSync(path))
  })

test('what the kernel kills for its memory is told from what is killed by hand', wants('memory'), async context => {
  const { run } = await harness(context, {
    memory: {
      memoryMb: 128,
      // In one turn of the event loop, and in a child: nothing is sampled of that.
      source: `import { execFileSync } from 'node:child_process'
        export const handler = () => {
          const all = []
          for (;;) all.push(Buffer.alloc(64e6, 1))
        }`,
    },
    hand: {
      source:
        "export const handler = async () => { process.kill(process.pid, 'SIGKILL'); await new Promise(() => {}) }",
    },
  })
  const memory = outcomeAs(await run('memory'), 'failed').error
  assert.equal(memory.code, 'FUNCTION_OUT_OF_MEMORY')
  assert.match(memory.message, /memory of 128 MB \((the kernel stopped it there|\d+ MB were in use)\)/)
  const hand = outcomeAs(await run('hand'), 'failed').error
  assert.equal(hand.code, 'FUNCTION_CRASHED')
  assert.match(hand.message, /killed from outside \(SIGKILL\)/)
})

test('a child of a function counts towards its memory', wants('memory'), async context => {
  const { run } = await harness(context, {
    f: {
      memoryMb: 160,
      source: `import { spawnSync } from 'node:child_process'
        export const handler = () => {
          const { signal } = spawnSync(process.execPath, ['-e', 'const all = []; for (;;) all.push(Buffer.alloc(32e6, 1))'])
          return signal
        }`,
    },
  })
  const { outcome } = await run('f')
  // Version 2 ends the whole group, version 1 the child.
  if (outcome.kind === 'failed') assert.equal(outcome.error.code, 'FUNCTION_OUT_OF_MEMORY')
  else assert.equal(outcomeAs({ outcome } as Parameters<typeof outcomeAs>[0], 'answered').value, 'SIGKILL')
})

test('a crash after a child was killed for its memory is a crash', wants('memory'), async context => {
  const { run } = await harness(context, {
    f: {
      memoryMb: 160,
      source: `import { spawnSync } from 'node:child_process'
        export const handler = () => {
          spawnSync(process.execPath, ['-e', 'const all = []; for (;;) all.push(Buffer.alloc(32e6, 1))'])
          process.exit(3)
        }`,
    },
  })
  const { error } = outcomeAs(await run('f'), 'failed')
  // Version 2 ends the whole group before it comes to that.
  const groupKill = places.some(place => place.version === 2 && place.controllers.includes('memory'))
  assert.equal(error.code, groupKill ? 'FUNCTION_OUT_OF_MEMORY' : 'FUNCTION_CRASHED')
})

test('an environment has its groups while it lives, and the app none when it is closed', async context => {
  const { run, engine } = await harness(context, { f: { source: 'export const handler = () => 1' } })
  const { environment } = await run('f')
  assert.equal(pathsOf(environment).length, findUsed())
  await engine.close(1_000)
  assert.equal(pathsOf(environment).length, 0)
})

/** Without CPU shares that controller is not used; version 2 is there for killing, with any or none. */
const findUsed = (): number =>
  places.filter(({ controllers, version }) => version === 2 || controllers.some(name => name !== 'cpu')).length

test('a fork bomb has an end, and all of it is killed', wants('pids'), async context => {
  const { run, engine } = await harness(context, {
    f: {
      source: `import { spawnSync } from 'node:child_process'
        export const handler = () => String(spawnSync('sh', ['-c', \`i=0
          while [ $i -lt 1500 ]; do sleep 600 >/dev/null 2>&1 & i=$((i+1)); done
          echo started\`], { stdio: ['ignore', 'pipe', 'pipe'] }).stdout).trim() || 'refused'`,
    },
  })
  const report = await run('f')
  assert.equal(outcomeAs(report, 'answered').value, 'refused')
  const [group] = pathsOf(report.environment)
  assert.ok(group && readFileSync(join(group, 'cgroup.procs'), 'latin1').split('\n').length > 900)
  await engine.close(0)
  assert.equal(pathsOf(report.environment).length, 0)
})

for (const [how, means] of [
  ['with cgroups', undefined],
  ['without cgroups', ['duty-cycle', 'nice']],
] as readonly (readonly [string, readonly CpuMeans[] | undefined])[])
  test(`what left the process group is killed with its environment, ${how}`, async context => {
    const host = await limitsHost(context, {
      ...(means ? { means } : {}),
      source: `import { spawn } from 'node:child_process'
        export const handler = () => {
          const left = spawn('sleep', ['600'], { stdio: 'ignore', detached: true })
          left.unref()
          return left.pid
        }`,
    })
    const pid = Number(outcomeAs(await host.run(), 'answered').value)
    assert.ok(running(pid))
    await host.engine.close(1_000)
    await until('it is gone', () => !running(pid))
  })

for (const means of ['cgroup-v2', 'cgroup-v1', 'duty-cycle'] as const)
  test(`a function that would use a whole core gets its share of CPU by ${means}`, async context => {
    const host = await limitsHost(context, {
      cpuShares: 'on',
      means: [means],
      memoryMb: 442,
      source: `export const handler = () => {
          const start = process.hrtime.bigint()
          const used = process.cpuUsage()
          while (process.hrtime.bigint() - start < 1_500_000_000n);
          const { user, system } = process.cpuUsage(used)
          return (user + system) / Number((process.hrtime.bigint() - start) / 1_000n)
        }`,
    })
    if (host.engine.functions()[0]?.limits.cpu !== means) return context.skip(`${means} is not to be had here`)
    const report = await host.run()
    assert.equal(report.cpu?.by, means)
    assert.equal(report.cpu?.cores.toFixed(2), '0.25')
    const share = Number(outcomeAs(report, 'answered').value)
    // What else runs on the machine can only take of it.
    assert.ok(share < 0.25 * 1.2, `it got ${share} of a core, expected 0.25`)
    assert.ok(share > 0.05, `it got ${share} of a core, expected 0.25`)
  })

test('CPU is limited from the end of Init on', wants('cpu'), async context => {
  const host = await limitsHost(context, {
    cpuShares: 'on',
    memoryMb: 128,
    source: `import { readFileSync } from 'node:fs'
      const limit = () => {
        const groups = readFileSync('/proc/self/cgroup', 'utf8')
        const [, one] = /^\\d+:(?:.*,)?cpu(?:,.*)?:(.*)$/m.exec(groups) ?? []
        const [, two] = /^0::(.*)$/m.exec(groups) ?? []
        for (const file of ['/sys/fs/cgroup/cpu' + one + '/cpu.cfs_quota_us', '/sys/fs/cgroup' + two + '/cpu.max'])
          try { return readFileSync(file, 'utf8').trim() } catch {}
      }
      const inInit = limit()
      export const handler = () => [inInit, limit()]`,
  })
  const [inInit, later] = outcomeAs(await host.run(), 'answered').value as readonly (string | undefined)[]
  if (inInit === undefined) return context.skip('cgroups are mounted at an unusual place')
  assert.match(inInit, /^-1$|^max /)
  assert.match(String(later), /^1447$|^1447 20000$/)
})

test('of a host that is killed nothing is left: no process that changed its session, no cgroup, no folder', async context => {
  const folder = await temporaryFolder(context)
  await writeFile(
    join(folder, 'f.mjs'),
    `import { spawn } from 'node:child_process'
     spawn('sleep', ['600'], { stdio: 'ignore', detached: true }).unref()
     console.log('left', process.env.TMPDIR, process.pid)
     export const handler = () => 1`,
  )
  await writeFile(
    join(folder, 'host.ts'),
    `import { systemClock } from ${core('clock.ts')}
     import { defaultsOf } from ${core('config/options.ts')}
     import { fromOptions, functionOptions, functionSpec } from ${core('config/function-options.ts')}
     import { createEngine } from ${core('engine/engine.ts')}
     import { logTo } from ${core('log.ts')}
     const values = { ...defaultsOf(functionOptions), provisioned: 1 }
     createEngine([functionSpec(fromOptions('f', values, { file: ${JSON.stringify(join(folder, 'f.mjs'))} }))], {
       clock: systemClock, app: 'killed', maxEnvironments: 1, host: { send: async () => {} },
       log: logTo((level, message) => console.log(message)) })`,
  )
  const host = startNode(context, [join(folder, 'host.ts')])
  const [, tmp = '', pid] = (await host.line(/^left/)).split(' ')
  const groups = places
    .flatMap(({ dir }) => readdirSync(join(dir, '..')).map(name => join(dir, '..', name)))
    .filter(path => path.includes(`millrace-killed-${host.pid}.`))
  assert.equal(groups.length, findUsed())
  host.kill('SIGKILL')
  await host.ended
  await until('its folders are gone', () => !existsSync(dirname(dirname(tmp))))
  await until('its cgroups are gone', () => groups.every(path => !existsSync(path)))
  assert.ok(!running(Number(pid)))
})
