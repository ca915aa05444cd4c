/** Requests that come before the function is loaded. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { rehearsalRequest } from '../../../../core/engine/hosting/rehearsal.ts'
import { loadHandler } from '../../../../core/engine/runtime/load.ts'
import { MESSAGE } from '../../../../core/engine/wire/message.ts'
import { turnsOf } from './opened-turns.ts'

test('what comes before the function is there begins then, in its order, but for what is aborted meanwhile', async () => {
  const written: string[] = []
  const begun: number[] = []
  const names = Object.fromEntries(Object.entries(MESSAGE).map(([name, kind]) => [kind, name]))
  const turns = turnsOf({
    write: (kind, id) => void written.push(`${names[kind]} ${id}`),
    markBegun: id => void begun.push(id),
  })
  const { header, bodies } = rehearsalRequest()
  const body = Buffer.concat(bodies)
  for (const id of [1, 2, 3]) turns.receive({ kind: MESSAGE.invokeOnly, id, header, body })
  turns.abort(1)
  await turn()
  assert.deepEqual([written, begun], [['failed 1'], []])
  const { loaded } = loadHandler('f', () => null)
  assert.ok(loaded)
  turns.open(loaded)
  while (written.length < 3) await turn()
  assert.deepEqual(written, ['failed 1', 'answered 2', 'answered 3'])
  assert.deepEqual(begun, [2, 3])
})
