import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rehearsalRequest } from '../../../../core/engine/hosting/rehearsal.ts'
import { createRehearsal } from '../../../../core/engine/runtime/rehearsal.ts'
import { MESSAGE } from '../../../../core/engine/wire/message.ts'
import { until } from '../../../support/until.ts'
import { harness, outcomeAs } from '../harness.ts'
import { inEveryIsolation } from '../isolations.ts'

test('a rehearsal goes the way of a request, is answered as one, and marks none as begun', async () => {
  const written: (readonly [number, number, string])[] = []
  const begun: number[] = []
  const take = createRehearsal({
    write: (kind, id, _header, bodies = []) => written.push([kind, id, Buffer.concat(bodies).toString()]),
    markBegun: request => void begun.push(request),
  })
  const { header, bodies } = rehearsalRequest()
  for (const id of [1, 2]) take({ kind: MESSAGE.rehearse, id, header, body: Buffer.concat(bodies) })
  await until('both are answered', () => written.length === 2)
  assert.deepEqual(written, [
    [MESSAGE.rehearsed, 1, '{"count":1}'],
    [MESSAGE.rehearsed, 2, '{"count":1}'],
  ])
  assert.deepEqual(begun, [0, 0])
})

inEveryIsolation(
  'what is provisioned was rehearsed, and the function saw nothing of that',
  async (context, isolation) => {
    const source = `let calls = 0
export const handler = (batch, context) => [calls += 1, batch.length, context.functionName]`
    const { run } = await harness(context, { f: { source, isolation, provisioned: 1, maxEnvironments: 1 } })
    const report = await run('f')
    assert.deepEqual(outcomeAs(report, 'answered').value, [1, 1, 'f'])
    assert.equal(report.coldStart, undefined)
  },
)
