import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Source } from '../../../core/contract.ts'
import { MillraceError } from '../../../core/errors.ts'
import { deliveryOf } from './entries.ts'
import { feed, idleSource } from './feed.ts'
import { ACCEPT, named, setUp } from './running.ts'

test('a pause and a resume at once leave the mapping reading', async () => {
  const { mapping, send, pass } = await setUp({ answer: () => ACCEPT })
  await mapping.start()
  await Promise.all([mapping.pause(), mapping.resume()])
  await send('a')
  await pass(1_000)
  assert.equal(mapping.status().state, 'running')
  assert.equal(mapping.status().counts.accepted, 1)
  await mapping.stop()
})

test('a mapping that is paused before its source is there does not read when it comes', async () => {
  let arrive: (() => void) | undefined
  const bench = await setUp({
    answer: () => ACCEPT,
    openSource: () =>
      new Promise<Source>((_, reject) => {
        arrive = () => reject(new MillraceError('SOURCE_FAILED', 'not yet'))
      }),
  })
  void bench.mapping.start()
  await bench.pass(10)
  await bench.mapping.pause()
  arrive?.()
  await bench.pass(10_000)
  assert.equal(bench.mapping.status().state, 'paused')
  await bench.mapping.resume()
  assert.equal(bench.mapping.status().state, 'starting')
  const stopped = bench.mapping.stop()
  arrive?.()
  await bench.pass(20_000)
  await stopped
})

test('a mapping that was stopped while its source was being opened closes it and never runs', async () => {
  let arrive: ((source: Source) => void) | undefined
  let closed = 0
  const bench = await setUp({
    answer: () => ACCEPT,
    openSource: () =>
      new Promise<Source>(resolve => {
        arrive = resolve
      }),
  })
  void bench.mapping.start()
  await bench.pass(10)
  const stopped = bench.mapping.stop()
  const close = async (): Promise<void> => {
    closed += 1
  }
  arrive?.(idleSource({ close }))
  await bench.pass(20_000)
  await stopped
  assert.equal(bench.mapping.status().state, 'stopped')
  assert.equal(closed, 1)
})

test('a source that hangs in settle is reopened after settleTimeout, and its records do not run again', async () => {
  let opened = 0
  const { mapping, send, pass, invoked } = await setUp({
    policy: { settleTimeoutMs: 10_000 },
    answer: () => ACCEPT,
    adaptSource: source => {
      opened += 1
      return opened === 1 ? { ...source, settle: () => new Promise(() => {}) } : source
    },
  })
  await send('a', 'b')
  await mapping.start()
  await pass(9_000)
  assert.equal(opened, 1)
  await pass(2_000)
  assert.equal(opened, 2)
  await pass(5_000)
  assert.equal(invoked.length, 1)
  assert.equal(mapping.status().counts.repeated, 2)
  assert.equal(mapping.status().inFlight, 0)
  await mapping.stop()
})

test('a fatal error of a poll ends the mapping with its message, and closes the source', async () => {
  let closed = 0
  const { mapping, pass } = await setUp({
    answer: () => ACCEPT,
    adaptSource: source => ({
      ...source,
      poll: () => Promise.reject(new MillraceError('SOURCE_FATAL', 'no such queue', { fatal: true })),
      async close() {
        closed += 1
      },
    }),
  })
  await mapping.start()
  await pass(1_000)
  const { state, healthy, lastError } = mapping.status()
  assert.deepEqual([state, healthy, lastError?.message, closed], ['failed', false, 'no such queue', 1])
  await mapping.stop()
  assert.equal(mapping.status().state, 'failed')
})

test('records that a pause interrupts while the store is asked about them are given back', async () => {
  const { source, settled } = feed(deliveryOf('a', { attempts: 2 }))
  const { mapping, pass, invoked } = await setUp({
    answer: () => ACCEPT,
    openSource: async () => source,
    store: { recall: () => Promise.reject(new Error('locked')) },
  })
  await mapping.start()
  await pass(1_000)
  const paused = mapping.pause()
  await pass(1_000)
  await paused
  assert.deepEqual(
    settled.map(settlement => [settlement.outcome, settlement.outcome === 'released' && settlement.attempts]),
    [['released', 2]],
  )
  assert.deepEqual([invoked.length, mapping.status().inFlight], [0, 0])
  await mapping.stop()
})

test('a stop gives back what waits, with its attempts', async () => {
  const { source: plain, settled } = feed(deliveryOf('a'))
  const source: Source = { ...plain, deferStepsMs: 'any' }
  const { mapping, pass } = await setUp({ answer: ids => named(...ids), openSource: async () => source })
  await mapping.start()
  await pass(300)
  await mapping.stop()
  assert.deepEqual(
    settled.map(({ delivery: _, ...settlement }) => settlement),
    [{ outcome: 'deferred', attempts: 1, delayMs: 710 }],
  )
})

test('a mapping whose source is not there yet counts as started, and reads when it comes', async () => {
  let there = false
  const { mapping, pass } = await setUp({
    answer: () => ACCEPT,
    openSource: async () => {
      if (!there) throw new Error('no broker at this address')
      return idleSource({})
    },
  })
  await mapping.start()
  assert.equal(mapping.status().state, 'starting')
  assert.match(mapping.status().lastError?.message ?? '', /no broker at this address/)
  there = true
  await pass(60_000)
  assert.equal(mapping.status().state, 'running')
  await mapping.stop()
})

test('a poll that never answers is given up, and the source is reopened', async () => {
  const opened: Source[] = []
  const { mapping, pass } = await setUp({
    answer: () => ACCEPT,
    openSource: async () => {
      const source = opened.length === 0 ? idleSource({}) : feed(deliveryOf('a')).source
      opened.push(source)
      return source
    },
  })
  await mapping.start()
  await pass(40_000)
  assert.equal(opened.length, 2)
  assert.equal(mapping.status().counts.accepted, 1)
  await mapping.stop()
})

test('a source that never ends closing does not keep the mapping from stopping', async () => {
  const { mapping, pass } = await setUp({
    answer: () => ACCEPT,
    openSource: async () => ({ ...feed().source, close: () => new Promise<void>(() => {}) }),
  })
  await mapping.start()
  const stopping = mapping.stop()
  await pass(5_000)
  assert.equal(mapping.status().state, 'draining')
  await pass(10_000)
  await stopping
  assert.equal(mapping.status().state, 'stopped')
})
