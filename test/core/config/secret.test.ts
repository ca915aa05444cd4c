import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { embedded } from '../../../connectors/embedded/channel.ts'
import { defineConfig } from '../../../core/config/define.ts'
import { functionSpec } from '../../../core/config/function-options.ts'
import { env, file, isSecretRef, resolveSecrets, reveal } from '../../../core/config/secret.ts'
import { validateConfig } from '../../../core/config/validate.ts'
import { logTo } from '../../../core/log.ts'
import { temporaryFolder } from '../../support/folder.ts'

const CANARY = 'canary-7f3a'

/** Every way in which a value gets printed by accident. */
const printed = (value: unknown): string => {
  const lines: string[] = []
  const log = logTo((level, message, fields) => lines.push(level, message, JSON.stringify(fields), inspect(fields)))
  log.info('value', { value, list: [value] })
  return [
    ...lines,
    String(value),
    JSON.stringify(value),
    JSON.stringify({ deep: [value] }),
    inspect(value, { depth: null, showHidden: true }),
    inspect(new Map([['value', value]]), { depth: null, showHidden: true }),
    inspect(new Error('failed', { cause: value }), { depth: null }),
    Object.entries(value as object).join(),
  ].join('\n')
}

test('a reference prints as where its value comes from, its default not at all', () => {
  const reference = env('KAFKA_PASSWORD', CANARY)
  assert.equal(String(reference), 'env(KAFKA_PASSWORD)')
  assert.equal(JSON.stringify({ reference }), '{"reference":"env(KAFKA_PASSWORD)"}')
  assert.equal(inspect({ reference }), '{ reference: env(KAFKA_PASSWORD) }')
  assert.equal(String(file('./key')), 'file(./key)')
  assert.doesNotMatch(printed(reference), /canary/)
  assert.ok(isSecretRef(reference))
  assert.ok(!isSecretRef({ from: 'env', name: 'KAFKA_PASSWORD' }))
})

test('a resolved secret is given away by reveal and never printed', () => {
  const resolved = resolveSecrets({ sasl: { password: env('P') }, brokers: [env('B', 'localhost')] }, 'x', {
    env: { P: CANARY },
  })
  assert.equal(reveal(resolved.sasl.password), CANARY)
  assert.deepEqual(resolved.brokers.map(reveal), ['localhost'])
  assert.equal(String(resolved.sasl.password), '***')
  assert.equal(JSON.stringify(resolved), '{"sasl":{"password":"***"},"brokers":["***"]}')
  assert.doesNotMatch(printed(resolved), /canary/)
  assert.doesNotMatch(printed(resolved.sasl.password), /canary/)
})

test('a whole configuration with secrets prints without them, before and after they are resolved', async context => {
  const folder = await temporaryFolder(context)
  await writeFile(join(folder, 'charge.js'), 'export const handler = () => {}')
  await writeFile(join(folder, 'key'), `${CANARY}\n`)
  const config = defineConfig({
    name: 'shop',
    functions: { charge: { file: './charge.js', env: { KEY: env('KEY'), FILE: file('./key'), MODE: 'live' } } },
    mappings: { orders: { source: embedded().queue('orders'), function: 'charge' } },
  })
  const validation = validateConfig(config, { folder })
  assert.ok(validation.ok)
  const charge = validation.config.functions.get('charge')
  assert.ok(charge)
  const spec = functionSpec(charge, { env: { KEY: CANARY }, folder })
  assert.deepEqual({ ...spec.env }, { KEY: CANARY, FILE: CANARY, MODE: 'live' })
  for (const value of [config, validation.config, spec]) assert.doesNotMatch(printed(value), /canary/)
  assert.equal(JSON.stringify(spec.env), '{"KEY":"***","FILE":"***","MODE":"live"}')
})

test('all that is missing is said at once, each with its path', () => {
  assert.throws(
    () => resolveSecrets({ KEY: env('KEY'), FILE: file('/nowhere/key') }, 'functions.charge.env', { env: {} }),
    {
      code: 'SECRET_MISSING',
      message: `functions.charge.env.KEY: the environment variable KEY is not set; set it, or give a default: env('KEY', '…')
functions.charge.env.FILE: the file /nowhere/key cannot be read (ENOENT)`,
    },
  )
})

test('a variable that is set to nothing is set', () => {
  assert.equal(reveal(resolveSecrets(env('EMPTY', 'other'), 'x', { env: { EMPTY: '' } })), '')
})
