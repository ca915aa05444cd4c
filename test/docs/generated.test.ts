import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { GENERATED_FILES, generated, SCHEMA_FILE, schemaText } from '../../tools/docs.ts'

for (const file of GENERATED_FILES)
  test(`${file} says what the code says`, () => {
    assert.equal(readFileSync(file, 'utf8'), generated(file), 'run node tools/docs.ts')
  })

test(`${SCHEMA_FILE} says what the code says`, () => {
  assert.equal(readFileSync(SCHEMA_FILE, 'utf8'), schemaText(), 'run node tools/docs.ts')
})
