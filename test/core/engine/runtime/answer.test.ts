import assert from 'node:assert/strict'
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
