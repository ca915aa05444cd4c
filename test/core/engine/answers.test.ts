/** What a handler answers or throws, in every isolation. */
import assert from 'node:assert/strict'
import { channelSource, core, outcomeAs } from './harness.ts'
import { everyIsolation } from './isolations.ts'

const imports = `import { onRecord } from ${core('function/on-record.ts')}
import { onBatch } from ${core('function/on-batch.ts')}
import { NotRetryable, RetryAfter } from ${core('function/errors.ts')}
const q = ${channelSource('q')}
`

everyIsolation(
  'nothing, null and a list of failures come back as JSON carries them',
  {
    source: `export const handler = ([record]) => record.data.undefined ? undefined : record.data.answer`,
  },
  async ({ run }) => {
    const answer = async (body: string) => outcomeAs(await run('f', [body]), 'answered').value
    assert.equal(await answer('{"undefined":true}'), null)
    assert.equal(await answer('{"answer":null}'), null)
    assert.deepEqual(await answer('{"answer":{"batchItemFailures":[{"itemIdentifier":"r0"}]}}'), {
      batchItemFailures: [{ itemIdentifier: 'r0' }],
    })
  },
)

everyIsolation(
  'an answer is what JSON carries of it: a Date is text, a function is gone',
  {
    source: 'export const handler = () => ({ at: new Date(0), run: () => 1, list: [undefined] })',
  },
  async ({ run }) => {
    assert.deepEqual(outcomeAs(await run('f'), 'answered').value, { at: '1970-01-01T00:00:00.000Z', list: [null] })
  },
)

const UNSERIALISABLE: Readonly<Record<string, readonly [expression: string, says: RegExp]>> = {
  'a circular object': ['(() => { const a = { b: [{}] }; a.b[0].c = a; return a })()', /answer\.b\[0\]\.c refers back/],
  'a BigInt': ['({ items: [{ total: 1n }] })', /answer\.items\[0\]\.total is a BigInt/],
  'a function': ['() => 1', /a function is nothing that JSON can carry/],
  'not a number': ['NaN', /NaN is nothing that JSON can carry/],
  'an object whose toJSON throws': ["({ toJSON() { throw new Error('no') } })", /cannot be written as JSON.*no/],
  'a revoked proxy': [
    '(() => { const p = Proxy.revocable({}, {}); p.revoke(); return { p: p.proxy } })()',
    /cannot be written as JSON/,
  ],
}

for (const [what, [expression, says]] of Object.entries(UNSERIALISABLE))
  everyIsolation(
    `${what} is no answer, and the message says what it was`,
    { source: `export const handler = () => (${expression})` },
    async ({ run }) => {
      const { error } = outcomeAs(await run('f'), 'failed')
      assert.equal(error.code, 'FUNCTION_ANSWER_INVALID')
      assert.match(error.message, says)
    },
  )

everyIsolation(
  'an answer of 50 MB is refused with its size',
  {
    source: "export const handler = () => 'x'.repeat(50e6)",
  },
  async ({ run }) => {
    const { error } = outcomeAs(await run('f'), 'failed')
    assert.equal(error.code, 'FUNCTION_ANSWER_TOO_LARGE')
    assert.match(error.message, /50000002 bytes; expected at most 6291456/)
  },
)

const THROWN: Readonly<Record<string, readonly [statement: string, expected: object]>> = {
  'an error': [
    "throw Object.assign(new RangeError('r'), { code: 'E_R' })",
    { name: 'RangeError', message: 'r', code: 'E_R' },
  ],
  null: ['throw null', { name: 'NonError', message: 'thrown value that is not an Error: null' }],
  undefined: ['throw undefined', { name: 'NonError', message: 'thrown value that is not an Error: undefined' }],
  text: ["throw 'broken'", { name: 'NonError', message: 'thrown value that is not an Error: broken' }],
  'a frozen error': ["throw Object.freeze(new Error('f'))", { name: 'Error', message: 'f' }],
  'a getter that throws': [
    "throw Object.defineProperty(new Error('x'), 'message', { get() { throw 1 } })",
    { name: 'NonError', message: 'thrown object that cannot be read' },
  ],
  'an error that is not to be retried': [
    "throw new NotRetryable('never')",
    { name: 'NotRetryable', code: 'NOT_RETRYABLE', message: 'never', retryable: false },
  ],
  'another copy of NotRetryable': [
    "throw Object.assign(new Error('n'), { name: 'NotRetryable' })",
    { name: 'NotRetryable', message: 'n', retryable: false },
  ],
  'an error that says when': [
    "throw new RetryAfter('2m', 'busy')",
    { name: 'RetryAfter', code: 'RETRY_AFTER', message: 'busy', retryAfterMs: 120_000 },
  ],
}

for (const [what, [statement, expected]] of Object.entries(THROWN))
  everyIsolation(
    `a handler that throws ${what} has failed with it as data`,
    {
      source: `${imports}export const handler = onBatch(q, () => { ${statement} })`,
    },
    async ({ run }) => {
      const { stack: _, ...error } = outcomeAs(await run('f'), 'failed').error
      assert.deepEqual(error, expected)
    },
  )
