import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { systemClock } from '../../../core/clock.ts'
import { rehearsalRequest } from '../../../core/engine/hosting/rehearsal.ts'
import { createLinger, INSTANT_MS } from '../../../core/engine/linger.ts'
import { loadHandler } from '../../../core/engine/runtime/load.ts'
import { createTurns } from '../../../core/engine/runtime/turns.ts'
import { MESSAGE } from '../../../core/engine/wire/message.ts'
import { silentLog } from '../../../core/log.ts'

const isAwake = (): boolean => process.getActiveResourcesInfo().includes('Immediate')

test('who waited for an instant only stays awake the next time', () => {
  const linger = createLinger()
  linger.came(INSTANT_MS / 2)
  linger.expect(systemClock.monotonic())
  assert.equal(isAwake(), true)
})

test('it stays awake for an instant only', async () => {
  const linger = createLinger()
  linger.came(0)
  linger.expect(systemClock.monotonic())
  await pause(20)
  assert.equal(isAwake(), false)
})

test('nobody stays awake who never waited, or waited for long the last time', async () => {
  const linger = createLinger()
  linger.expect(systemClock.monotonic())
  assert.equal(isAwake(), false)
  linger.came(0)
  linger.came(INSTANT_MS * 2)
  linger.expect(systemClock.monotonic())
  assert.equal(isAwake(), false)
})

test('an environment stays awake behind requests that were the only ones and followed one another', async () => {
  const { loaded } = loadHandler('f', () => null)
  assert.ok(loaded)
  let answered = Promise.withResolvers<boolean>()
  const turns = createTurns({
    write: () => queueMicrotask(() => answered.resolve(isAwake())),
    markBegun: () => {},
    isRecalled: () => false,
    place: {
      app: 'test',
      functionName: 'f',
      version: '1',
      memoryMb: 128,
      environment: 'f-1',
      initialization: 'on-demand',
    },
    timeoutMs: 1_000,
    log: silentLog,
    pieces: { open: () => assert.fail('no answer is streamed'), close: () => {} },
    offerKeys: () => undefined,
    send: () => Promise.resolve(),
  })
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
  await pause(20)
  assert.equal(await isAwakeBehind(MESSAGE.invoke), false, 'others wait for a processor')
})
