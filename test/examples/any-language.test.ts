import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { startNode } from '../support/child.ts'
import { temporaryFolder } from '../support/folder.ts'
import { missingGo, missingPython } from '../support/languages.ts'

test('the example of functions in Python and Go says what its expected output says, and says it again when it is run again', {
  skip: missingPython || missingGo,
  timeout: 300_000,
}, async context => {
  const ANY_LANGUAGE_STATE = await temporaryFolder(context)
  for (let run = 0; run < 2; run += 1) {
    const example = startNode(context, ['examples/any-language/main.ts'], {
      env: { ...process.env, ANY_LANGUAGE_STATE },
    })
    assert.deepEqual(await example.ended, { code: 0, signal: null }, example.output() + example.errors())
    assert.equal(example.output(), readFileSync('examples/any-language/expected.txt', 'utf8'))
  }
})
