import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FilterVerdict } from '../../../core/flow/filter.ts'
import { ACCEPT, named, setUp } from './running.ts'

const POISON: FilterVerdict = { error: { name: 'RecordUndecodable', code: 'RECORD_UNDECODABLE', message: 'no JSON' } }

test('what the filter has no use for is settled and counted, and makes no batch smaller', async () => {
  const bench = await setUp({
    policy: { batchSize: 3 },
    answer: () => ACCEPT,
    filter: record => (record.id.startsWith('x') ? 'filtered' : 'matches'),
  })
  await bench.mapping.start()
  await bench.send('x1', 'a', 'x2', 'x3', 'b', 'x4', 'c', 'x5')
  await bench.pass(1_000)
  assert.deepEqual(
    bench.invoked.map(({ ids }) => ids.split(' ').length),
    [3],
  )
  const { counts, inFlight } = bench.mapping.status()
  assert.deepEqual([counts.received, counts.filtered, counts.accepted, inFlight], [8, 5, 3, 0])
  await bench.mapping.stop()
})

test('what the filter cannot read is parked at its turn: never passed over, and not before those it follows', async () => {
  const bench = await setUp({
    type: 'stream',
    policy: { order: 'lane', batchSize: 1, onDeadLetter: 'stop' },
    answer: () => ACCEPT,
    filter: record => (record.id === 'poison' ? POISON : 'matches'),
  })
  await bench.mapping.start()
  await bench.send('a:k', 'poison:k', 'b:k')
  await bench.pass(5_000)
  assert.equal(bench.invoked.length, 1)
  const [letter] = [...bench.letters.values()]
  assert.deepEqual([letter?.reason, letter?.error.message, letter?.attempts.length], ['undecodable', 'no JSON', 0])
  assert.equal(bench.mapping.status().stopped.length, 1)
  await bench.mapping.stop()
})

test('what the filter cannot read is not parked while one before it runs, which may fail and must not stay behind it', async () => {
  let tries = 0
  const bench = await setUp({
    type: 'stream',
    policy: { order: 'lane', batchSize: 10, batchWindowMs: 500, onDeadLetter: 'stop' },
    answer: ids => (ids.includes('a') && ++tries === 1 ? named('a') : ACCEPT),
    filter: record => (record.id === 'poison' ? POISON : 'matches'),
  })
  await bench.mapping.start()
  await bench.send('a:k', 'poison:k', 'b:k')
  await bench.pass(600)
  assert.deepEqual([bench.invoked.length, bench.letters.size], [1, 0])
  await bench.pass(10_000)
  assert.deepEqual(
    bench.invoked.map(({ ids }) => ids),
    ['a', 'a'],
  )
  assert.deepEqual([...bench.letters.keys()], ['poison'])
  await bench.mapping.resume()
  await bench.pass(5_000)
  assert.equal(bench.invoked.at(-1)?.ids, 'b')
  await bench.mapping.stop()
})

test('a filter that throws, rejects or never answers parks the record and holds up nothing for ever', async () => {
  const bench = await setUp({
    policy: { settleTimeoutMs: 2_000 },
    answer: () => ACCEPT,
    filter: record => {
      const { id: body } = record
      if (body === 'throws') throw new TypeError('thrown')
      if (body === 'rejects') return Promise.reject(new TypeError('rejected'))
      return body === 'hangs' ? new Promise(() => {}) : Promise.resolve('matches')
    },
  })
  await bench.mapping.start()
  await bench.send('throws', 'rejects', 'hangs', 'a')
  await bench.pass(10_000)
  assert.equal(bench.mapping.status().counts.accepted, 1)
  assert.deepEqual([...bench.letters.values()].map(({ reason, error }) => `${reason}: ${error.message}`).sort(), [
    'undecodable: rejected',
    'undecodable: the codec that the filter needs has not answered within 2000 ms',
    'undecodable: thrown',
  ])
  await bench.mapping.stop()
})

test('a filtered record does not wait for those before it in its lane, and a retry does not bring it back', async () => {
  let failed = false
  const bench = await setUp({
    type: 'stream',
    policy: { order: 'lane' },
    answer: ids => {
      if (failed) return ACCEPT
      failed = true
      return named(ids[0] ?? '')
    },
    filter: record => (record.id.startsWith('x') ? 'filtered' : 'matches'),
  })
  await bench.mapping.start()
  await bench.send('a:k', 'x:k', 'b:k')
  await bench.pass(60_000)
  const { counts } = bench.mapping.status()
  assert.deepEqual([counts.filtered, counts.accepted, counts.parked], [1, 2, 0])
  await bench.mapping.stop()
})
