/** What reaches a handler, and what does not, in every isolation. */
import assert from 'node:assert/strict'
import { channelSource, core, invocation, invoked, outcomeAs } from './harness.ts'
import { everyIsolation } from './isolations.ts'

const imports = `import { onRecord } from ${core('function/on-record.ts')}
import { onBatch } from ${core('function/on-batch.ts')}
import { NotRetryable, RetryAfter } from ${core('function/errors.ts')}
const q = ${channelSource('q')}
`

everyIsolation(
  'a record whose body fails is refused, the others run, and a batch of only such calls nothing',
  {
    source: `import * as z from 'zod'
    ${imports}
    const strict = { ...q, schema: z.object({ items: z.array(z.object({ total: z.number() })) }) }
    let calls = 0
    export const handler = onBatch(strict, batch => ({ calls: ++calls, ids: batch.map(record => record.id) }))`.replace(
      "'zod'",
      JSON.stringify(import.meta.resolve('zod')),
    ),
  },
  async ({ run }) => {
    const good = '{"items":[{"total":1}]}'
    const bad = ['{"items":[{"total":"1"}]}', 'no json', '', new Uint8Array([0x22, 0xff, 0x22]), null]
    const mixed = outcomeAs(await run('f', [good, ...bad, good]), 'answered')
    assert.deepEqual(mixed.value, { calls: 1, ids: ['r0', 'r6'] })
    assert.deepEqual(
      mixed.refused.map(({ id, verdict, error }) => [id, verdict, error.code]),
      [
        ['r1', 'invalid', 'RECORD_INVALID'],
        ['r2', 'undecodable', 'RECORD_UNDECODABLE'],
        ['r3', 'undecodable', 'RECORD_UNDECODABLE'],
        ['r4', 'undecodable', 'RECORD_UNDECODABLE'],
        ['r5', 'invalid', 'RECORD_INVALID'],
      ],
    )
    assert.match(mixed.refused[0]?.error.message ?? '', /local\/q: items\[0\]\.total: .*expected number/)
    assert.match(mixed.refused[1]?.error.message ?? '', /the body is not JSON: Unexpected token/)
    assert.match(mixed.refused[2]?.error.message ?? '', /it is empty/)
    assert.match(mixed.refused[3]?.error.message ?? '', /not UTF-8 text \(3 bytes\)/)
    const onlyBad = outcomeAs(await run('f', bad), 'answered')
    assert.equal(onlyBad.value, null)
    assert.equal(onlyBad.refused.length, 5)
    assert.deepEqual(outcomeAs(await run('f', [good]), 'answered').value, { calls: 2, ids: ['r0'] })
  },
)

everyIsolation(
  'a record comes as it was sent: bytes, key, headers, properties, position',
  {
    source: `export const handler = batch => batch.map(({ body, data, key, headers, properties, position, ...rest }) => ({ ...rest,
    body: body && Buffer.from(body).toString('hex'), data: data instanceof Uint8Array, key: key instanceof Uint8Array ? [...key] : key,
    headers: headers.map(([name, value]) => [name, typeof value, value instanceof Date ? value.getTime() : typeof value === 'bigint' ? String(value) : value instanceof Uint8Array ? [...value] : value]),
    properties: properties?.at instanceof Date, position }))`,
  },
  async ({ engine }) => {
    const slot = await engine.acquire('f', 'm', new AbortController().signal)
    const plain = invoked(new Uint8Array([0, 255, 10]), 0)
    const full = {
      ...plain,
      record: {
        ...plain.record,
        id: 'ü-\u{1F600}',
        key: new Uint8Array([1, 2]),
        headers: [
          ['a', 1n],
          ['a', new Date(5)],
          ['b', new Uint8Array([9])],
          ['c', 'text'],
        ] as const,
        properties: { at: new Date(1) },
        position: { partition: 3, offset: '12' },
        idStrength: 'weak' as const,
        time: 17.25,
      },
      attempt: 4,
      fence: 9,
    }
    const report = await slot?.invoke(invocation([plain, full, invoked(null, 2), invoked('', 3)], { codec: 'bytes' }))
    assert.ok(report)
    const [first, second, third, fourth] = outcomeAs(report, 'answered').value as Record<string, unknown>[]
    assert.equal(first?.body, '00ff0a')
    assert.deepEqual(second, {
      id: 'ü-\u{1F600}',
      source: 'local/q',
      time: 17.25,
      attempt: 4,
      idempotencyKey: 'test.m/local/q/r0',
      fence: 9,
      body: '00ff0a',
      data: true,
      key: [1, 2],
      headers: [
        ['a', 'bigint', '1'],
        ['a', 'object', 5],
        ['b', 'object', [9]],
        ['c', 'string', 'text'],
      ],
      properties: true,
      position: { partition: 3, offset: '12' },
    })
    assert.equal(third?.body, null)
    assert.equal(third?.data, false)
    assert.equal(fourth?.body, '')
  },
)

everyIsolation(
  'a body of 10 MB arrives whole',
  {
    source: 'export const handler = ([record]) => [record.body.length, record.data.length]',
    memoryMb: 512,
  },
  async ({ run }) => {
    const body = JSON.stringify('é'.repeat(5_000_000))
    assert.deepEqual(outcomeAs(await run('f', [body]), 'answered').value, [10_000_002, 5_000_000])
  },
)

everyIsolation(
  'records of a channel the handler was not written for make it not ready',
  {
    source: `${imports}export const handler = onRecord(q, () => {})`,
  },
  async ({ run, engine }) => {
    const { error } = outcomeAs(await run('f', ['{}'], { channel: 'local/other', mapping: 'copy' }), 'not-ready')
    assert.equal(error.code, 'FUNCTION_MISMATCH')
    assert.match(error.message, /functions\.f is written for local\/q, but mapping copy reads local\/other/)
    assert.equal(engine.stats('f').environments, 1)
  },
)

everyIsolation(
  'a plain function cannot apply a schema or a codec of its own, and says so',
  {
    source: 'export const handler = () => {}',
  },
  async ({ run }) => {
    for (const change of [{ hasSchema: true }, { codec: 'custom' as const }]) {
      const { error } = outcomeAs(await run('f', ['{}'], change), 'not-ready')
      assert.equal(error.code, 'FUNCTION_MISMATCH')
      assert.match(error.message, /plain function.*onRecord/)
    }
  },
)
