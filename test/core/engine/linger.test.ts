import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../../core/clock.ts'
import { rehearsalRequest } from '../../../core/engine/hosting/rehearsal.ts'
import { createLinger, INSTANT_MS, type Linger } from '../../../core/engine/linger.ts'
import { loadHandler } from '../../../core/engine/runtime/load.ts'
import { MESSAGE } from '../../../core/engine/wire/message.ts'
import { until } from '../../support/until.ts'
import { turnsOf } from './runtime/opened-turns.ts'

/** Of the whole process: what runs the tests has some of its own. */
const immediates = (): number => process.getActiveResourcesInfo().filter(name => name === 'Immediate').length

const isAwake = (): boolean => immediates() > 0

/** Whether it stays awake from now on that a message is expected. */
const staysAwake = (linger: Linger): boolean => {
  const before = immediates()
  linger.expect(systemClock.monotonic())
  return immediates() > before
}

test('who waited for an instant only stays awake the next time', () => {
  const linger = createLinger()
  linger.came(INSTANT_MS / 2)
  assert.equal(staysAwake(linger), true)
})

test('it stays awake for an instant only', async () => {
  const linger = createLinger()
  linger.came(0)
  assert.equal(staysAwake(linger), true)
  await until('nothing keeps it awake', () => !isAwake())
})

test('nobody stays awake who never waited, or waited for long the last time', () => {
  const linger = createLinger()
  assert.equal(staysAwake(linger), false)
  linger.came(0)
  linger.came(INSTANT_MS * 2)
  assert.equal(staysAwake(linger), false)
})

test('an environment stays awake behind requests that were the only ones and followed one another', async () => {
  const { loaded } = loadHandler('f', () => null)
  assert.ok(loaded)
  let answered = Promise.withResolvers<boolean>()
  const turns = turnsOf({ write: () => queueMicrotask(() => answered.resolve(isAwake())) })
  turns.open(loaded)
  const { header, bodies } = rehearsalRequest()
  const isAwakeBehind = (kind: number): Promise<boolean> => {
    answered = Promise.withResolvers()
    turns.receive({ kind, id: 1, header, body: Buffer.concat(bodies) })
    return answered.promise
  }
  // What is new takes its time: at some moment one follows the other within an instant.
  const seen = new Set<boolean>()
  for (let calls = 0; calls < 1_000 && !seen.has(true); calls += 1) seen.add(await isAwakeBehind(MESSAGE.invokeOnly))
  assert.ok(seen.has(true))
  await until('others have the processor', async () => !(await isAwakeBehind(MESSAGE.invoke)))
})
