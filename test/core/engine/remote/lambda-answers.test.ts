/** What an answer of a function behind HTTP means. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Outcome } from '../../../../core/engine/contract.ts'
import { retryAfter } from '../../../../core/engine/remote/status.ts'
import { type Answer, reply } from './server.ts'
import { setUp } from './set-up.ts'

interface Row {
  readonly answers: Answer
  readonly kind: Outcome['kind']
  readonly error?: { readonly name: string; readonly code?: string; readonly says: RegExp }
  readonly value?: unknown
  readonly more?: object
}

const LAMBDA_ERROR = JSON.stringify({
  errorType: 'OutOfStock',
  errorMessage: 'none left',
  trace: ['OutOfStock: none left', '    at charge'],
})

const ANSWERS: Readonly<Record<string, Row>> = {
  'an empty answer': { answers: (_, response) => reply(response, 200), kind: 'answered', value: null },
  null: { answers: (_, response) => reply(response, 200, 'null'), kind: 'answered', value: null },
  '204': { answers: (_, response) => reply(response, 204), kind: 'answered', value: null },
  'a function error': {
    answers: (_, response) => reply(response, 200, LAMBDA_ERROR, { 'X-Amz-Function-Error': 'Unhandled' }),
    kind: 'failed',
    error: { name: 'OutOfStock', says: /^none left$/ },
  },
  'a function error of the emulator, which has no header for it': {
    answers: (_, response) => reply(response, 200, LAMBDA_ERROR),
    kind: 'failed',
    error: { name: 'OutOfStock', says: /^none left$/ },
  },
  'an error that is not to be tried again': {
    answers: (_, response) => reply(response, 200, '{"errorType":"NotRetryable","errorMessage":"never"}'),
    kind: 'failed',
    error: { name: 'NotRetryable', says: /never/ },
    more: { retryable: false },
  },
  'a timeout of the emulator': {
    answers: (_, response) => reply(response, 200, 'Task timed out after 3.00 seconds'),
    kind: 'failed',
    error: { name: 'FunctionTimeout', code: 'FUNCTION_TIMEOUT', says: /timed out after 3/ },
  },
  'what is not JSON': {
    answers: (_, response) => reply(response, 200, '<html>welcome</html>'),
    kind: 'failed',
    error: {
      name: 'FunctionAnswerInvalid',
      code: 'FUNCTION_ANSWER_INVALID',
      says: /20 bytes that are not JSON: "<html>/,
    },
  },
  '202': {
    answers: (_, response) => reply(response, 202),
    kind: 'failed',
    error: { name: 'FunctionAnswerInvalid', says: /taken over and not that it was processed/ },
  },
  '500 with an error': {
    answers: (_, response) => reply(response, 500, LAMBDA_ERROR),
    kind: 'failed',
    error: { name: 'OutOfStock', says: /none left/ },
  },
  '502 with words': {
    answers: (_, response) => reply(response, 502, 'Bad Gateway'),
    kind: 'failed',
    error: {
      name: 'Http502',
      code: 'FUNCTION_FAILED',
      says: /functions\.f: http:.*\/invocations answered 502: "Bad Gateway"/,
    },
  },
  '400': {
    answers: (_, response) => reply(response, 400),
    kind: 'failed',
    error: { name: 'Http400', says: /answered 400$/ },
  },
  '413, which will be so again': {
    answers: (_, response) => reply(response, 413),
    kind: 'failed',
    error: { name: 'Http413', says: /answered 413/ },
    more: { retryable: false },
  },
  ...Object.fromEntries(
    [401, 403, 404, 405].map(status => [
      String(status),
      {
        answers: (_, response) => reply(response, status, 'no'),
        kind: 'not-ready',
        error: {
          name: 'FunctionUnreachable',
          code: 'FUNCTION_INIT_FAILED',
          says: new RegExp(`answered ${status}: "no"\\. Check url and headers`),
        },
      } satisfies Row,
    ]),
  ),
  'a redirect, which is not followed': {
    answers: (_, response) => reply(response, 307, '', { Location: 'http://127.0.0.1:1/elsewhere' }),
    kind: 'not-ready',
    error: {
      name: 'FunctionUnreachable',
      says: /answered 307, to http:\/\/127\.0\.0\.1:1\/elsewhere; redirects are not followed/,
    },
  },
  'more than an answer may have': {
    answers: (_, response) => reply(response, 200, 'x'.repeat(6 * 1_048_576 + 1)),
    kind: 'failed',
    error: { name: 'FunctionAnswerTooLarge', code: 'FUNCTION_ANSWER_TOO_LARGE', says: /more than 6291456 bytes/ },
  },
  'an answer without end': {
    answers: (_, response) => {
      response.writeHead(200)
      const more = (): void => void (response.destroyed || response.write(Buffer.alloc(100_000), more))
      more()
    },
    kind: 'failed',
    error: { name: 'FunctionAnswerTooLarge', says: /more than 6291456 bytes/ },
  },
  'an answer that breaks off': {
    answers: (_, response) => {
      response.writeHead(200, { 'Content-Length': '100' })
      response.write('{', () => response.destroy())
    },
    kind: 'failed',
    error: { name: 'FunctionCrashed', code: 'FUNCTION_CRASHED', says: /broke off while it had the request/ },
  },
  'a connection cut before the answer': {
    answers: (_, response) => response.destroy(),
    kind: 'failed',
    error: { name: 'FunctionCrashed', says: /broke off while it had the request: socket hang up/ },
  },
  '429': {
    answers: (_, response) => reply(response, 429),
    kind: 'throttled',
    error: { name: 'FunctionThrottled', code: 'FUNCTION_THROTTLED', says: /answered 429/ },
  },
  '503 that says when': {
    answers: (_, response) => reply(response, 503, 'busy', { 'Retry-After': '7' }),
    kind: 'throttled',
    error: { name: 'FunctionThrottled', says: /answered 503: "busy"/ },
    more: { retryAfterMs: 7_000 },
  },
}

for (const [what, row] of Object.entries(ANSWERS))
  test(`${what} is ${row.kind}`, async context => {
    const { run, engine } = await setUp(context, row.answers)
    const { outcome } = await run('f')
    assert.equal(outcome.kind, row.kind, JSON.stringify(outcome))
    if (outcome.kind === 'answered') assert.deepEqual(outcome.value, row.value)
    const error = 'error' in outcome ? outcome.error : undefined
    assert.equal(error?.name, row.error?.name)
    if (row.error) assert.match(error?.message ?? '', row.error.says)
    if (row.error?.code) assert.equal(error?.code, row.error.code)
    for (const [name, value] of Object.entries(row.more ?? {}))
      assert.equal((outcome.kind === 'throttled' ? outcome : error)?.[name as never], value)
    assert.equal(engine.stats('f').busy, 0)
  })

test('Retry-After is seconds or a date; what is neither is none, what is past is now', () => {
  const now = Date.UTC(2026, 0, 1)
  const rows: readonly (readonly [string | undefined, number | undefined])[] = [
    ['3', 3_000],
    [' 0 ', 0],
    ['Thu, 01 Jan 2026 00:01:00 GMT', 60_000],
    ['Wed, 31 Dec 2025 23:59:00 GMT', 0],
    ['soon', undefined],
    [undefined, undefined],
    ['99999999999', 86_400_000],
  ]
  for (const [value, ms] of rows) assert.equal(retryAfter(value, now), ms, String(value))
})
