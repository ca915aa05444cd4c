import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { FunctionSpec } from '../../../../core/engine/contract.ts'
import { startNode } from '../../../support/child.ts'
import { temporaryFolder } from '../../../support/folder.ts'
import { until } from '../../../support/until.ts'
import { harness, mostLines, outcomeAs } from '../harness.ts'
import { bootstrapFiles, programs, writeExecutable } from './programs.ts'

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

interface Shape extends Partial<FunctionSpec> {
  /** What the program does with a request in hand that is not `{ ok: true }`. */
  readonly body: string
  readonly code_: string
  readonly says: RegExp
}

const SHAPES: Readonly<Record<string, Shape>> = {
  'a busy loop': { body: 'for (;;) {}', timeoutMs: 1_500, code_: 'FUNCTION_TIMEOUT', says: /timeout of 1500 ms/ },
  'a request that is never answered': {
    body: 'await new Promise(() => setInterval(() => {}, 1000))',
    timeoutMs: 1_500,
    code_: 'FUNCTION_TIMEOUT',
    says: /timeout of 1500 ms/,
  },
  'an end with a request in hand': {
    body: 'process.exit(7)',
    code_: 'FUNCTION_CRASHED',
    says: /ended with exit code 7 with a request in hand.*It printed: it began/,
  },
  'an end with success and a request in hand': {
    body: 'process.exit(0)',
    code_: 'FUNCTION_CRASHED',
    says: /exit code 0/,
  },
  'a signal to itself': {
    body: "process.kill(process.pid, 'SIGSEGV'); await new Promise(() => setInterval(() => {}, 1000))",
    code_: 'FUNCTION_CRASHED',
    says: /ended by signal SIGSEGV/,
  },
  'memory beyond what it may use': {
    body: 'const all = []; for (;;) { all.push(Buffer.alloc(4e6, 1)); await new Promise(r => setTimeout(r, 1)) }',
    memoryMb: 128,
    code_: 'FUNCTION_OUT_OF_MEMORY',
    says: /more than its memory of 128 MB/,
  },
  'the next request asked for instead of an answer': {
    body: 'const again = await next(); if (again.status !== 403) throw new Error(again.status); process.exit(1)',
    code_: 'FUNCTION_CRASHED',
    says: /with a request in hand; it must answer, and ask for the next one/,
  },
}

for (const [what, { body, code_, says, ...spec }] of Object.entries(SHAPES))
  test(`${what} fails the batch with ${code_}, its output is kept, and the next batch runs`, async context => {
    const { run, engine } = await programs(context, {
      f: {
        ...spec,
        source: `await serve(async ([{ data }]) => { if (data.ok) return; console.log('it began', process.pid); ${body} })`,
      },
    })
    const report = await run('f')
    const { error } = outcomeAs(report, 'failed')
    assert.equal(error.code, code_)
    assert.match(error.message, says)
    const began = report.logs.find(line => line.startsWith('it began'))
    assert.ok(began, `its output is kept: ${report.logs.join('\n')}`)
    await until('its process is gone', () => !alive(Number(began.split(' ')[2])))
    assert.equal(engine.stats('f').environments, 0)
    outcomeAs(await run('f', ['{"ok":true}']), 'answered')
  })

/** Answers that are none: the program goes on, and the next request is answered by the same process. */
const ANSWERS: Readonly<Record<string, { readonly body: string; readonly code_?: string; readonly says: RegExp }>> = {
  'an answer that is not JSON': {
    body: "await respond(id, 'hello')",
    code_: 'FUNCTION_ANSWER_INVALID',
    says: /5 bytes that are not JSON, "hello"; answer null/,
  },
  'an answer that is nested too deeply': {
    body: "await respond(id, '['.repeat(1e5) + ']'.repeat(1e5))",
    code_: 'FUNCTION_ANSWER_INVALID',
    says: /200000 bytes of JSON that are nested too deeply to be used/,
  },
  'an answer of more than 6 MB': {
    body: "await respond(id, 'x'.repeat(7e6))",
    code_: 'FUNCTION_ANSWER_TOO_LARGE',
    says: /7000000 bytes or more; expected at most 6291556/,
  },
  'an answer in a mode there is not': {
    body: "await respond(id, 1, { 'Lambda-Runtime-Function-Response-Mode': 'fast' })",
    code_: 'FUNCTION_ANSWER_INVALID',
    says: /in the mode "fast".*expected streaming/,
  },
  'an error without a body': {
    body: "await fail(id, '', { 'Lambda-Runtime-Function-Error-Type': 'Function.Odd' })",
    says: /Function\.Odd: the function failed and gave no error/,
  },
  'an error that is plain text': { body: "await fail(id, 'it broke')", says: /FunctionFailed: it broke/ },
  'an error of nothing but null': { body: "await fail(id, 'null')", says: /FunctionFailed: null/ },
  'an error with a cause for X-Ray in a long header': {
    body: "await fail(id, { errorType: 'Long', errorMessage: 'x' }, { 'Lambda-Runtime-Function-XRay-Error-Cause': 'x'.repeat(1e5) })",
    says: /Long: x/,
  },
  'an error with the trace of the runtime of Node': {
    body: "await fail(id, { errorType: 'Error', errorMessage: 'x', trace: ['Error: x', '    at y'] })",
    says: /Error: x Error: x\n {4}at y/,
  },
  'an error with frames as the runtime of Go has them': {
    body: "await fail(id, { errorType: 'E', errorMessage: 'x', stackTrace: [{ path: 'main.go', line: 7, label: 'main.work' }, 5] })",
    says: /E: x {5}at main\.work \(main\.go:7\)\n5$/,
  },
  'two answers, of which the first counts': {
    body: "await fail(id, { errorType: 'First', errorMessage: 'counts' }); const { status } = await respond(id, 1); if (status !== 403) process.exit(1)",
    says: /First: counts/,
  },
  'an answer under another id first': {
    body: "const { status } = await respond('other', 1); await fail(id, { errorType: 'Status', errorMessage: String(status) })",
    says: /Status: 400/,
  },
}

for (const [what, { body, code_, says }] of Object.entries(ANSWERS))
  test(`${what} fails the batch, and the program goes on`, async context => {
    const { run } = await programs(context, {
      f: {
        source: `for (;;) {
          const { id, event } = await next()
          if (event[0].data.ok) await respond(id, process.pid)
          else { console.log(process.pid); ${body} }
        }`,
      },
    })
    const report = await run('f')
    const { error } = outcomeAs(report, 'failed')
    assert.equal(error.code, code_)
    assert.match(`${error.name}: ${error.message} ${error.stack ?? ''}`, says)
    assert.equal(outcomeAs(await run('f', ['{"ok":true}']), 'answered').value, Number(report.logs[0]))
  })

const INITS: Readonly<Record<string, Partial<FunctionSpec> & { readonly source: string; readonly says: RegExp }>> = {
  'an Init that tells what is wrong': {
    source: "await initFail({ errorType: 'NoLicence', errorMessage: 'buy one' }); process.exit(1)",
    says: /functions\.f: its Init failed: NoLicence: buy one/,
  },
  'an Init that ends': {
    source: "console.error('no database'); process.exit(3)",
    says: /ended with exit code 3 before it asked for a request \(GET .*\/next\)\. It printed: no database/,
  },
  'an Init that hangs': {
    source: 'setInterval(() => {}, 1000)',
    initTimeoutMs: 700,
    says: /did not ask for a request within 700 ms \(initTimeout\); it is to ask at AWS_LAMBDA_RUNTIME_API/,
  },
  'an Init that needs more memory than it has': {
    source: 'const all = []; for (;;) { all.push(Buffer.alloc(4e6, 1)); await new Promise(r => setTimeout(r, 1)) }',
    memoryMb: 128,
    says: /memory of 128 MB/,
  },
}

for (const [what, { says, ...spec }] of Object.entries(INITS))
  test(`${what} makes the function not ready, and charges nobody`, async context => {
    const { run, engine } = await programs(context, { f: spec })
    const { error } = outcomeAs(await run('f'), 'not-ready')
    assert.equal(error.code, 'FUNCTION_INIT_FAILED')
    assert.match(error.message, says)
    assert.equal(engine.stats('f').environments, 0)
  })

test('a program that cannot be started says why, and what to do', async context => {
  const folder = await temporaryFolder(context)
  await writeFile(join(folder, 'bootstrap'), '#!/bin/sh\n')
  await writeExecutable(join(folder, 'text'), 'no program')
  await mkdir(join(folder, 'empty'))
  const { run } = await harness(context, {
    missing: { code: { command: ['no-such-program-here'], folder } },
    nowhere: { code: { command: ['true'], folder: join(folder, 'nowhere') } },
    forbidden: { code: { command: [join(folder, 'bootstrap')], folder } },
  })
  const said = async (name: string): Promise<string> => outcomeAs(await run(name), 'not-ready').error.message
  assert.match(
    await said('missing'),
    /could not be started: .*ENOENT \(there is no such program on the PATH.*install it/,
  )
  assert.match(await said('nowhere'), /ENOENT \(.*or no such folder/)
  assert.match(await said('forbidden'), /EACCES \(it may not be executed: chmod \+x\)/)
})

test('output without end is bounded, and says so', async context => {
  const startedMs = performance.now()
  const { run, lines } = await programs(context, {
    f: {
      timeoutMs: 1_500,
      source:
        "import { execFileSync } from 'node:child_process'; await serve(() => execFileSync('yes', ['a short line'], { stdio: 'inherit' }))",
    },
  })
  const report = await run('f')
  assert.equal(outcomeAs(report, 'failed').error.code, 'FUNCTION_TIMEOUT')
  assert.ok(report.logs.length <= 100)
  assert.match(report.logs.at(-1) ?? '', /^\d+ lines of the function, with \d+ characters, were not shown$/)
  const most = mostLines(performance.now() - startedMs)
  assert.ok(lines.length <= most, `${lines.length} lines were shown, of ${most} at most`)
})

test('what a program started is killed with it', async context => {
  const { run } = await programs(context, {
    f: {
      timeoutMs: 1_500,
      source: `import { spawn } from 'node:child_process'
        await serve(() => { console.log(spawn('sleep', ['60']).pid); for (;;) {} })`,
    },
  })
  const report = await run('f')
  assert.equal(outcomeAs(report, 'failed').error.code, 'FUNCTION_TIMEOUT')
  const grandchild = Number(report.logs[0])
  assert.ok(grandchild > 1)
  await until('the grandchild is gone', () => !alive(grandchild))
})

test('a program does not outlive a host that was killed with SIGKILL, nor does what it started', async context => {
  const folder = await temporaryFolder(context)
  const core = new URL('../../../../core/index.ts', import.meta.url).href
  for (const [name, text] of Object.entries(
    bootstrapFiles(`import { spawn } from 'node:child_process'
      await serve(() => { console.log('pids', process.pid, spawn('sleep', ['600'], { stdio: 'ignore' }).pid); for (;;) {} })`),
  ))
    await writeExecutable(join(folder, name), text)
  await writeFile(
    join(folder, 'host.ts'),
    `import { createApp } from '${core}'
     const log = { debug() {}, info: console.log, warn: console.log, error: console.log, with: () => log }
     const app = createApp({ name: 'host', functions: { f: './bootstrap' }, mappings: {} }, { log, configFile: import.meta.filename })
     await app.start()
     await app.invoke('f')`,
  )
  const host = startNode(context, [join(folder, 'host.ts')])
  const [, program = 0, grandchild = 0] = (await host.line(/^pids/)).split(' ').map(Number)
  assert.ok(alive(program) && alive(grandchild))
  host.kill('SIGKILL')
  await host.ended
  await until('the program is gone', () => !alive(program))
  await until('what it had started is gone', () => !alive(grandchild))
})

test('a program that ended while idle is replaced before it costs a batch anything', async context => {
  const { run, lines } = await programs(context, {
    f: { source: 'await serve(() => { setTimeout(() => process.exit(4), 100); return process.pid })' },
  })
  const first = outcomeAs(await run('f'), 'answered').value as number
  await until('it has ended', () => lines.some(line => /idle, and its program ended with exit code 4/.test(line)))
  assert.notEqual(outcomeAs(await run('f'), 'answered').value, first)
})
