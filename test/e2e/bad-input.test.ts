import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type App, createApp, defineConfig, type OutgoingRecord } from 'millrace'
import { temporaryFolder } from '../support/folder.ts'
import { until } from '../support/until.ts'
import { answers, hastyAnswers, orders } from './bad-input/channels.ts'

const FUNCTIONS = join(import.meta.dirname, 'bad-input')

const started = async (context: TestContext, config: object): Promise<{ app: App; stateDir: string }> => {
  const stateDir = await temporaryFolder(context)
  const app = createApp({ name: 'bad', stateDir, ...config })
  context.after(() => app.stop())
  await app.start()
  return { app, stateDir }
}

const idle = (app: App): Promise<unknown> =>
  until('everything is settled', () => {
    const [mapping] = app.status().mappings
    return mapping !== undefined && mapping.counts.received > 0 && mapping.inFlight === 0
  })

test('bodies of no bytes, of ten megabytes, of bad UTF-8 and of another shape', { timeout: 180_000 }, async context => {
  const stateDir = await temporaryFolder(context)
  const done = join(stateDir, 'done')
  const config = defineConfig({
    name: 'bad',
    stateDir,
    functions: { keep: { file: join(FUNCTIONS, 'keep.ts'), env: { DONE: done } } },
    mappings: { keep: { source: orders, function: 'keep', maxInFlightBytes: '64 MB', batchBytes: '32 MB' } },
  })
  const app = createApp(config)
  context.after(() => app.stop())
  await app.start()
  const bodies: Readonly<Record<string, Uint8Array | null>> = {
    fine: Buffer.from('{"id":"fine"}'),
    empty: new Uint8Array(0),
    tombstone: null,
    'bad utf-8': Uint8Array.from([0x22, 0xc3, 0x28, 0x22]),
    'not json': Buffer.from('{"id": '),
    'another shape': Buffer.from('{"id": 7}'),
    'ten megabytes': Buffer.from(JSON.stringify({ id: 'large', note: 'x'.repeat(10 * 2 ** 20) })),
    __proto__: Buffer.from('{"id":"proto","__proto__":{"polluted":true}}'),
  }
  const records = Object.entries(bodies).map(([id, body]): OutgoingRecord => ({ id, body }))
  assert.deepEqual(
    await app.sendOutgoing(orders.address, records),
    records.map(() => null),
  )
  await idle(app)
  const kept = readFileSync(done, 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as { id: string; bytes: number })
  assert.deepEqual(kept.map(({ id }) => id).toSorted(), ['fine', 'ten megabytes'])
  assert.equal(kept.find(({ id }) => id === 'ten megabytes')?.bytes, bodies['ten megabytes']?.byteLength)
  const letters = await app.deadLetters.list()
  assert.deepEqual(Object.fromEntries(letters.map(letter => [letter.recordId, [letter.reason, letter.attempts]])), {
    empty: ['undecodable', 0],
    tombstone: ['invalid', 0],
    'bad utf-8': ['undecodable', 0],
    'not json': ['undecodable', 0],
    'another shape': ['invalid', 0],
  })
  for (const letter of letters) {
    const { letter: stored } = await app.deadLetters.show(letter.id)
    assert.deepEqual(
      stored.record.body && Buffer.from(stored.record.body),
      bodies[letter.recordId] && Buffer.from(bodies[letter.recordId] ?? ''),
      `${letter.recordId} is parked byte for byte`,
    )
  }
})

test('a function that answers badly, exits, loops or eats memory fails the record that makes it, and no other', {
  timeout: 180_000,
}, async context => {
  const policy = {
    batchSize: 20,
    batchWindow: '1s',
    maxAttempts: 2,
    maxConcurrency: 2,
    backoff: { initial: '10ms', max: '10ms' },
    breaker: false,
  }
  const file = join(FUNCTIONS, 'answer.ts')
  const { app } = await started(context, {
    functions: {
      // On a busy machine it takes seconds to use up this memory: the time is not to be over before.
      answer: { file, timeout: '60s', memory: 512 },
      hasty: { file, timeout: '4s', memory: 512 },
    },
    mappings: {
      answers: { source: answers, function: 'answer', ...policy },
      hasty: { source: hastyAnswers, function: 'hasty', ...policy },
    },
  })
  const bad = [
    'nonsense',
    'a number',
    'fifty megabytes',
    'a circle',
    'an unknown id',
    'no id',
    'exit',
    'abort',
    'out of memory',
  ]
  const good = Array.from({ length: 10 }, (_, index) => `fine ${index}`)
  const hasty = ['busy loop', ...good.map(answer => `hasty ${answer}`)]
  const recordOf = (answer: string) => ({ id: answer, data: { answer } })
  await app.send(answers, [...bad, ...good].map(recordOf))
  await app.send(hastyAnswers, hasty.map(recordOf))
  await until(
    'all of them are accepted or parked',
    () => {
      const counts = app.status().mappings.map(mapping => mapping.counts.accepted + mapping.counts.parked)
      return counts.reduce((sum, count) => sum + count) === bad.length + good.length + hasty.length
    },
    { timeoutMs: 150_000 },
  )
  const letters = await app.deadLetters.list()
  const codes = await Promise.all(
    letters.map(async ({ id, recordId }) => [recordId, (await app.deadLetters.show(id)).letter.error.code] as const),
  )
  assert.deepEqual(Object.fromEntries(codes), {
    nonsense: 'FUNCTION_ANSWER_INVALID',
    'a number': 'FUNCTION_ANSWER_INVALID',
    'fifty megabytes': 'FUNCTION_ANSWER_TOO_LARGE',
    'a circle': 'FUNCTION_ANSWER_INVALID',
    'an unknown id': 'FUNCTION_ANSWER_INVALID',
    'no id': 'FUNCTION_ANSWER_INVALID',
    exit: 'FUNCTION_CRASHED',
    abort: 'FUNCTION_CRASHED',
    'busy loop': 'FUNCTION_TIMEOUT',
    'out of memory': 'FUNCTION_OUT_OF_MEMORY',
  })
  assert.ok(letters.every(letter => letter.attempts === 2 && letter.reason === 'exhausted'))
})

test('a function that cannot be made ready charges nobody, and works on when it is mended', {
  timeout: 180_000,
}, async context => {
  const stateDir = await temporaryFolder(context)
  const done = join(stateDir, 'done')
  const configWith = (file: string) =>
    defineConfig({
      name: 'bad',
      stateDir,
      functions: { keep: { file, env: { DONE: done } } },
      mappings: {
        keep: { source: orders, function: 'keep', maxAttempts: 1, breaker: { initial: '50ms', max: '100ms' } },
      },
    })
  const app = createApp(configWith(join(FUNCTIONS, 'channels.ts')))
  context.after(() => app.stop())
  await app.start()
  await app.send(orders, [{ id: 'a', data: { id: 'a' } }])
  const mapping = () => app.status().mappings[0]
  await until('the mapping is unhealthy', () => mapping()?.healthy === false)
  assert.equal(mapping()?.breaker, 'open')
  assert.match(mapping()?.lastError?.message ?? '', /channels\.ts/)
  await until('it was probed more than once', () => (mapping()?.counts.failedInvocations ?? 0) > 2)
  assert.deepEqual(await app.deadLetters.list(), [])
  assert.equal(existsSync(done), false)
  await app.reload(configWith(join(FUNCTIONS, 'keep.ts')))
  await until('the record is processed', () => mapping()?.counts.accepted === 1)
  assert.equal(mapping()?.healthy, true)
})
