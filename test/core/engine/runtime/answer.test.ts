import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { answerText } from '../../../../core/engine/runtime/answer.ts'

test('an Error in an answer is carried with its name, message and code', () => {
  const error = Object.assign(new TypeError('no total'), { code: 'E_TOTAL' })
  const answer = answerText({ batchItemFailures: [{ itemIdentifier: '1', error }] })
  assert.ok('text' in answer && answer.text !== undefined)
  const [failure] = JSON.parse(answer.text).batchItemFailures
  assert.deepEqual(
    [failure.error.name, failure.error.message, failure.error.code],
    ['TypeError', 'no total', 'E_TOTAL'],
  )
})

for (const [what, stream] of [
  ['a stream of Node', Readable.from(['a'])],
  ['a stream of the web', new ReadableStream()],
  ['a generator', (async function* () {})()],
] as const)
  test(`${what} is no answer: JSON would make of it what nobody meant`, () => {
    const answer = answerText(stream)
    assert.ok('error' in answer && answer.error)
    assert.match(answer.error.message, /answer is a stream; read it .* awslambda\.streamifyResponse/)
  })
