import assert from 'node:assert/strict'
import { harness, outcomeAs, type Written } from './harness.ts'
import { everyIsolation, inEveryIsolation, type Needs } from './isolations.ts'

/** What a newcomer gets wrong, the code it is reported with, and words the message has to have. */
const BAD: Readonly<Record<string, Written & { code_: string; says: RegExp; needs?: Needs }>> = {
  'a file that does not exist': { code_: 'FUNCTION_NOT_FOUND', says: /functions\.f\.file: .*f\.ts does not exist/ },
  'a file without a handler': {
    source: 'export const other = 1; export const more = 2',
    code_: 'FUNCTION_NOT_FOUND',
    says: /exported as `handler`.*it exports more, other.*export const handler = onRecord/,
  },
  'a handler that is an object': {
    source: 'export const handler = {}',
    code_: 'FUNCTION_NOT_FOUND',
    says: /what it exports there is an object/,
  },
  'a throw while it is imported': {
    source: "throw new RangeError('no database')",
    code_: 'FUNCTION_INIT_FAILED',
    says: /failed while it was imported: RangeError: no database/,
  },
  'a thrown value that is no error': {
    source: 'throw null',
    code_: 'FUNCTION_INIT_FAILED',
    says: /thrown value that is not an Error: null/,
  },
  'a package that is not installed': {
    source: "import 'not-installed-here'; export const handler = () => {}",
    code_: 'FUNCTION_INIT_FAILED',
    says: /Cannot find package 'not-installed-here'.*Install the package or correct the import/s,
  },
  'syntax that Node cannot strip': {
    source: 'enum Color { Red }; export const handler = () => Color.Red',
    code_: 'FUNCTION_INIT_FAILED',
    says: /file: 'dist\/x\.js'.*nodeOptions: \['--import', 'tsx'\]/s,
  },
  'an Init that never ends': {
    source: 'await new Promise(() => {}); export const handler = () => {}',
    initTimeoutMs: 700,
    code_: 'FUNCTION_INIT_FAILED',
    says: /not ready after 700 ms \(initTimeout\).*await that waits for ever/,
  },
  'an Init that loops for ever': {
    source: 'for (;;) {}',
    initTimeoutMs: 700,
    needs: { timeout: 'mostly' },
    code_: 'FUNCTION_INIT_FAILED',
    says: /not ready after 700 ms/,
  },
  'an Init that prints without end': {
    source: "for (;;) console.log('still here')",
    initTimeoutMs: 700,
    needs: { timeout: 'mostly', output: 'always' },
    code_: 'FUNCTION_INIT_FAILED',
    says: /not ready after 700 ms.*It printed: still here \|.* lines of the function, with \d+ characters, were not shown$/,
  },
  'an Init that calls process.exit': {
    source: "console.error('no licence'); process.exit(3)",
    needs: { crash: 'mostly' },
    code_: 'FUNCTION_INIT_FAILED',
    says: /exit code 3.*It printed: no licence/,
  },
  'an Init that uses up its memory': {
    source: 'const all = []; for (;;) all.push({ a: all.length, b: [all.length] }); export const handler = () => {}',
    memoryMb: 64,
    needs: { memory: 'always' },
    code_: 'FUNCTION_INIT_FAILED',
    says: /more than its memory of 64 MB/,
  },
}

for (const [what, { code_, says, needs, ...written }] of Object.entries(BAD))
  everyIsolation(
    `${what} is reported as ${code_}, and nobody is charged`,
    written,
    async ({ run, engine }) => {
      const { error } = outcomeAs(await run('f'), 'not-ready')
      assert.equal(error.code, code_)
      assert.match(error.message, says)
      assert.deepEqual(engine.stats('f').environments, 0)
      assert.equal(engine.stats('f').busy, 0)
    },
    { ...(needs ? { needs } : {}) },
  )

inEveryIsolation(
  'the default export is the handler where none is named so, and CommonJS works',
  async (context, isolation) => {
    const { run } = await harness(context, {
      named: { isolation, source: 'export default () => { throw 1 }; export const handler = () => "named"' },
      fallback: { isolation, source: 'export default () => "default"' },
      common: { isolation, source: 'module.exports = { handler: () => "common" }', extension: 'cjs' },
    })
    assert.equal(outcomeAs(await run('named'), 'answered').value, 'named')
    assert.equal(outcomeAs(await run('fallback'), 'answered').value, 'default')
    assert.equal(outcomeAs(await run('common'), 'answered').value, 'common')
  },
)

inEveryIsolation('an environment is initialised once and invoked many times', async (context, isolation) => {
  const { run, engine } = await harness(context, {
    f: { isolation, source: 'let n = 0; const at = Math.random(); export const handler = () => ({ n: ++n, at })' },
  })
  const reports = [await run('f'), await run('f'), await run('f')]
  const values = reports.map(report => outcomeAs(report, 'answered').value as { n: number; at: number })
  assert.deepEqual(
    values.map(value => value.n),
    [1, 2, 3],
  )
  assert.equal(new Set(values.map(value => value.at)).size, 1)
  assert.deepEqual(
    reports.map(report => report.cold),
    [true, false, false],
  )
  assert.ok((reports[0]?.initMs ?? 0) > 0)
  assert.ok((reports[0]?.billedMs ?? 0) >= (reports[0]?.initMs ?? 0))
  assert.equal(engine.stats('f').coldStarts, 1)
})
