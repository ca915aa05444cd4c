import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryFolder } from '../../support/folder.ts'
import { until } from '../../support/until.ts'
import { harness, mostLines, outcomeAs, type Written } from './harness.ts'
import { everyIsolation, inEveryIsolation, type Needs } from './isolations.ts'

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

const handler = (body: string): string => `export const handler = async batch => { ${body} }`

const SHAPES: Readonly<Record<string, Written & { code_: string; says: RegExp; needs: Needs }>> = {
  'a busy loop': {
    source: handler('for (;;) {}'),
    timeoutMs: 500,
    needs: { timeout: 'mostly' },
    code_: 'FUNCTION_TIMEOUT',
    says: /timeout of 500 ms/,
  },
  'a catastrophic regular expression': {
    source: handler("/^(a+)+$/.test('a'.repeat(60) + 'b')"),
    timeoutMs: 500,
    needs: { timeout: 'mostly' },
    code_: 'FUNCTION_TIMEOUT',
    says: /timeout of 500 ms/,
  },
  'a synchronous child process': {
    source: `import { execSync } from 'node:child_process'; ${handler("execSync('sleep 60')")}`,
    timeoutMs: 500,
    needs: { timeout: 'always' },
    code_: 'FUNCTION_TIMEOUT',
    says: /timeout of 500 ms/,
  },
  'promises that starve everything else': {
    source: handler('for (;;) await null'),
    timeoutMs: 500,
    needs: { timeout: 'mostly' },
    code_: 'FUNCTION_TIMEOUT',
    says: /timeout of 500 ms/,
  },
  'an await that never ends': {
    source: handler('await new Promise(() => {})'),
    timeoutMs: 500,
    needs: { timeout: 'mostly' },
    code_: 'FUNCTION_TIMEOUT',
    says: /timeout of 500 ms/,
  },
  'process.exit': {
    source: handler('process.exit(7)'),
    needs: { crash: 'mostly' },
    code_: 'FUNCTION_CRASHED',
    says: /exit code 7/,
  },
  'process.exit with success': {
    source: handler('process.exit(0)'),
    needs: { crash: 'mostly' },
    code_: 'FUNCTION_CRASHED',
    says: /exit code 0/,
  },
  'process.abort': {
    source: handler('process.abort()'),
    needs: { crash: 'always' },
    code_: 'FUNCTION_CRASHED',
    says: /SIGABRT/,
  },
  'a signal to itself': {
    source: handler("process.kill(process.pid, 'SIGSEGV'); await new Promise(() => {})"),
    needs: { crash: 'always' },
    code_: 'FUNCTION_CRASHED',
    says: /SIGSEGV/,
  },
  'a rejection that nobody handles': {
    source: handler("Promise.reject(new TypeError('lost')); await new Promise(() => {})"),
    needs: { crash: 'mostly' },
    code_: 'FUNCTION_CRASHED',
    says: /nobody caught TypeError: lost/,
  },
  'a throw in a timer': {
    source: handler("setTimeout(() => { throw new Error('later') }); await new Promise(() => {})"),
    needs: { crash: 'mostly' },
    code_: 'FUNCTION_CRASHED',
    says: /nobody caught Error: later/,
  },
  'nonsense written to fd 3': {
    source: `import { writeSync } from 'node:fs'; ${handler("writeSync(3, 'hello hello hello'); await new Promise(() => {})")}`,
    needs: { crash: 'always' },
    code_: 'FUNCTION_CRASHED',
    says: /no frame.*fd 3 is the runtime's/,
  },
  'fd 3 that is closed': {
    source: `import { closeSync } from 'node:fs'; ${handler('closeSync(3); await new Promise(() => {})')}`,
    needs: { crash: 'always' },
    code_: 'FUNCTION_CRASHED',
    says: /closed fd 3, which is the runtime's/,
  },
  'one array that grows': {
    source: handler('const all = []; for (;;) all.push({ a: all.length })'),
    memoryMb: 96,
    needs: { memory: 'always' },
    code_: 'FUNCTION_OUT_OF_MEMORY',
    says: /more than its memory of 96 MB/,
  },
  'a map that grows': {
    source: handler('const all = new Map(); for (let i = 0; ; i++) all.set(i, { i })'),
    memoryMb: 96,
    needs: { memory: 'always' },
    code_: 'FUNCTION_OUT_OF_MEMORY',
    says: /more than its memory of 96 MB/,
  },
  'arrays that are filled': {
    source: handler('const all = []; for (;;) all.push(new Array(1000).fill(1.5))'),
    memoryMb: 96,
    needs: { memory: 'always' },
    code_: 'FUNCTION_OUT_OF_MEMORY',
    says: /more than its memory of 96 MB/,
  },
  'buffers, which V8 does not count': {
    source: handler(
      'const all = []; for (;;) { all.push(Buffer.alloc(4e6, 1)); await new Promise(r => setTimeout(r, 1)) }',
    ),
    memoryMb: 96,
    needs: { memory: 'always' },
    code_: 'FUNCTION_OUT_OF_MEMORY',
    says: /memory of 96 MB \((\d+ MB were in use|the kernel stopped it there)\)/,
  },
  'a leak while other things go on': {
    source: handler(
      'const all = []; for (;;) { for (let i = 0; i < 1e4; i++) all.push({ i }); await new Promise(setImmediate) }',
    ),
    memoryMb: 96,
    needs: { memory: 'mostly' },
    code_: 'FUNCTION_OUT_OF_MEMORY',
    says: /more than its memory of 96 MB/,
  },
  'one huge JSON text': {
    source: handler("JSON.parse('[' + '{\"a\":[1]},'.repeat(4e6) + '1]')"),
    memoryMb: 96,
    needs: { memory: 'always' },
    code_: 'FUNCTION_OUT_OF_MEMORY',
    says: /more than its memory of 96 MB/,
  },
}

for (const [what, { code_, says, needs, ...written }] of Object.entries(SHAPES)) {
  const source = (written.source ?? '').replace(
    'async batch => {',
    "async batch => { if (batch[0].data.ok) return; console.log('it began', process.pid);",
  )
  everyIsolation(
    `${what} fails the batch with ${code_}, its output is kept, and the next batch runs`,
    { ...written, source },
    async ({ run, engine }, isolation) => {
      const report = await run('f')
      const { error } = outcomeAs(report, 'failed')
      assert.equal(error.code, code_)
      assert.match(error.message, says)
      const began = report.logs.find(line => line.startsWith('it began'))
      assert.ok(began, `its output is kept: ${report.logs.join('\n')}`)
      if (isolation === 'process') await until('its process is gone', () => !alive(Number(began.split(' ')[2])))
      assert.equal(engine.stats('f').environments, 0)
      outcomeAs(await run('f', ['{"ok":true}']), 'answered')
    },
    { needs },
  )
}

inEveryIsolation(
  'what a function started is killed with it',
  async (context, isolation) => {
    const { run } = await harness(context, {
      f: {
        isolation,
        timeoutMs: 1_500,
        source: `import { spawn } from 'node:child_process'
        export const handler = async () => { console.log(spawn('sleep', ['60']).pid); for (;;) {} }`,
      },
    })
    const report = await run('f')
    assert.equal(outcomeAs(report, 'failed').error.code, 'FUNCTION_TIMEOUT')
    const grandchild = Number(report.logs[0])
    assert.ok(grandchild > 1)
    await until('the grandchild is gone', () => !alive(grandchild))
  },
  { leftovers: 'always' },
)

inEveryIsolation(
  'an environment that ended while idle is replaced before it costs a batch anything',
  async (context, isolation) => {
    const { run, engine } = await harness(context, {
      f: {
        isolation,
        source: `const at = Math.random()
          export const handler = () => { setTimeout(() => process.exit(1), 30); return at }`,
      },
    })
    const first = outcomeAs(await run('f'), 'answered').value as number
    await until('it has ended', () => engine.stats('f').environments === 0)
    const second = outcomeAs(await run('f'), 'answered').value as number
    assert.notEqual(second, first)
  },
  { crash: 'mostly' },
)

inEveryIsolation(
  'a request that a dead environment never began goes to another, free of charge',
  async (context, isolation) => {
    // It loops right after its answer: the next request arrives at an environment that will never read it.
    const { run } = await harness(context, {
      f: {
        isolation,
        timeoutMs: 1_000,
        source: `let turns = 100; const at = Math.random()
        const later = () => { if (turns-- > 0) queueMicrotask(later); else for (;;) {} }
        export const handler = ([record]) => { if (record.data.loop) later(); return at }`,
      },
    })
    const first = outcomeAs(await run('f', ['{"loop":true}']), 'answered').value
    const second = outcomeAs(await run('f'), 'answered').value
    assert.notEqual(second, first)
  },
  { timeout: 'mostly' },
)

inEveryIsolation(
  'output without end is bounded, and says so',
  async (context, isolation) => {
    const startedMs = performance.now()
    const { run, lines } = await harness(context, {
      f: {
        isolation,
        timeoutMs: 1_500,
        // Short lines, many at once: more than may be printed in this time comes out of the slowest machine too.
        source: `const text = 'a line of a few chars\\n'.repeat(1_000)
          export const handler = () => { for (;;) process.stdout.write(text) }`,
      },
    })
    const report = await run('f')
    // What the pipe does not take, Node keeps in the memory of the function: whichever limit is reached first.
    assert.match(outcomeAs(report, 'failed').error.code ?? '', /^FUNCTION_(TIMEOUT|OUT_OF_MEMORY)$/)
    assert.ok(report.logs.length <= 100)
    assert.match(report.logs.at(-1) ?? '', /^\d+ lines of the function, with \d+ characters, were not shown$/)
    const most = mostLines(performance.now() - startedMs)
    assert.ok(lines.length <= most, `${lines.length} lines were shown, of ${most} at most`)
  },
  { output: 'mostly', timeout: 'mostly' },
)

inEveryIsolation(
  'one line of many megabytes is cut',
  async (context, isolation) => {
    const { run } = await harness(context, {
      f: {
        isolation,
        source: "export const handler = () => { process.stdout.write('y'.repeat(5e6)); throw new Error('x') }",
      },
    })
    const report = await run('f')
    outcomeAs(report, 'failed')
    assert.ok(report.logs.every(line => line.length < 5_000))
  },
  { output: 'mostly' },
)

inEveryIsolation(
  'a batch that took a warm environment with it is not tried again by the engine',
  async (context, isolation) => {
    const folder = await temporaryFolder(context)
    const { run } = await harness(context, {
      f: {
        isolation,
        source: `import { appendFileSync } from 'node:fs'
        export const handler = ([record]) => {
          if (record.data.ok) return
          appendFileSync(${JSON.stringify(join(folder, 'runs'))}, 'x')
          process.exit(1)
        }`,
      },
    })
    outcomeAs(await run('f', ['{"ok":true}']), 'answered')
    outcomeAs(await run('f'), 'failed')
    assert.equal(await readFile(join(folder, 'runs'), 'utf8'), 'x')
  },
  { crash: 'mostly' },
)
