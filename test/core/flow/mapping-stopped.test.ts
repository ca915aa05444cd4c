import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MillraceError } from '../../../core/errors.ts'
import { ACCEPT, named, setUp } from './running.ts'

const STOP = { order: 'lane', batchSize: 1, maxAttempts: 1, onDeadLetter: 'stop' } as const

test('a lane that stopped behind a dead letter goes on when the mapping is resumed', async () => {
  const { mapping, send, pass, invoked, letters } = await setUp({
    type: 'stream',
    policy: { order: 'lane', batchSize: 1, maxAttempts: 1, onDeadLetter: 'stop' },
    answer: ids => (ids.includes('a') ? named('a') : ACCEPT),
  })
  await send('a', 'b', 'c')
  await mapping.start()
  await pass(60_000)
  assert.deepEqual([...letters.keys()], ['a'])
  assert.equal(invoked.length, 1)
  assert.equal(mapping.status().inFlight, 0, 'what is behind it was given back')
  await mapping.resume()
  await pass(60_000)
  assert.equal(mapping.status().counts.accepted, 2)
  await mapping.stop()
})

test('a lane that stopped stays stopped in the next process, which says so, until somebody says go on', async () => {
  const { mapping, again, send, pass, invoked, store } = await setUp({
    type: 'stream',
    policy: STOP,
    answer: ids => (ids.includes('a') ? named('a') : ACCEPT),
  })
  await send('a', 'b')
  await mapping.start()
  await pass(1_000)
  await mapping.stop()
  const next = again()
  await next.start()
  await pass(60_000)
  assert.deepEqual([invoked.map(({ ids }) => ids), next.status().stopped], [['a'], ['0']])
  await store.goOn('test')
  await pass(1_100)
  assert.deepEqual([invoked.map(({ ids }) => ids), next.status().stopped], [['a', 'b'], []])
  await next.stop()
})

test('a key that stopped in another process is held here, others go on', async () => {
  const { mapping, send, pass, invoked } = await setUp({
    policy: { ...STOP, order: 'key' },
    answer: () => ACCEPT,
    store: { stopped: async () => new Set(['0\u0000s:k']) },
  })
  await send('a:k', 'b:other', 'c')
  await mapping.start()
  await pass(60_000)
  assert.deepEqual([invoked.map(({ ids }) => ids), mapping.status().stopped], [['b', 'c'], ['0: k']])
  await mapping.stop()
})

test('a resume that the store does not take changes nothing, and can be told again', async () => {
  let down = true
  const stopped = new Set<string>()
  const { mapping, send, pass, invoked } = await setUp({
    type: 'stream',
    policy: STOP,
    answer: ids => (ids.includes('a') ? named('a') : ACCEPT),
    store: {
      async park(letters) {
        for (const { stops } of letters) stopped.add(stops ?? '')
        return 'parked'
      },
      stopped: async () => new Set(stopped),
      async goOn() {
        if (down) throw new Error('the disk is full')
        stopped.clear()
        return []
      },
    },
  })
  await send('a', 'b')
  await mapping.start()
  await pass(1_000)
  await assert.rejects(mapping.resume(), (error: MillraceError) => error.code === 'STATE_UNAVAILABLE')
  await pass(10_000)
  assert.equal(invoked.length, 1)
  down = false
  await mapping.resume()
  await pass(1_000)
  assert.deepEqual(
    invoked.map(({ ids }) => ids),
    ['a', 'b'],
  )
  await mapping.stop()
})
