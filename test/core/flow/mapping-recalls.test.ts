/** Sources that want back what does not run, before they hand over what they own. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deliveryOf } from './entries.ts'
import { feed } from './feed.ts'
import { named, setUp, THROW } from './running.ts'

const BACKOFF = { initialMs: 20_000, factor: 1, maxMs: 20_000, jitter: 'none' } as const

const outcomes = (settled: ReturnType<typeof feed>['settled']): readonly string[] =>
  settled.map(each => `${each.delivery.record.id} ${each.outcome}${'attempts' in each ? ` ${each.attempts}` : ''}`)

test('what waits is given back with its attempts when it is recalled, what runs is not', async () => {
  const { signal: recalled, ...recall } = controller()
  const { source, settled, give } = feed(deliveryOf('fails', { recalled }))
  const { mapping, pass } = await setUp({
    policy: { backoff: BACKOFF },
    invokeMs: 1_000,
    answer: ids => named(...ids.filter(id => id === 'fails')),
    openSource: async () => source,
  })
  await mapping.start()
  await pass(1_500)
  give(deliveryOf('runs', { recalled }))
  await pass(10)
  recall.abort()
  await pass(10)
  assert.deepEqual(outcomes(settled), ['fails released 1'])
  await pass(2_000)
  assert.deepEqual(outcomes(settled), ['fails released 1', 'runs accepted'])
  await mapping.stop()
})

test('what fails after it was recalled is given back rather than kept waiting', async () => {
  const { signal: recalled, ...recall } = controller()
  const { source, settled } = feed(deliveryOf('a', { recalled }), deliveryOf('b', { recalled }))
  const { mapping, pass } = await setUp({
    policy: { backoff: BACKOFF },
    invokeMs: 1_000,
    answer: () => THROW,
    openSource: async () => source,
  })
  await mapping.start()
  await pass(500)
  recall.abort()
  await pass(600)
  assert.deepEqual(outcomes(settled), ['a released 0', 'b released 0'])
  assert.equal(mapping.status().inFlight, 0)
  await mapping.stop()
})

test('what is let in after its recall goes back untried', async () => {
  const { signal: recalled, ...recall } = controller()
  recall.abort()
  const { source, settled } = feed(deliveryOf('late', { recalled, attempts: 2 }))
  const { mapping, pass, invoked } = await setUp({ answer: () => THROW, openSource: async () => source })
  await mapping.start()
  await pass(100)
  assert.deepEqual([outcomes(settled), invoked.length], [['late released 2'], 0])
  await mapping.stop()
})

test('a recalled record that comes back before its time waits for the rest of it, and its lane behind it', async () => {
  const first = controller()
  const { source, settled, give } = feed(deliveryOf('head', { recalled: first.signal, lane: '0' }))
  const { mapping, pass, invoked } = await setUp({
    policy: { order: 'lane', backoff: BACKOFF },
    answer: ids => named(...ids.filter(id => id === 'head')),
    openSource: async () => source,
  })
  await mapping.start()
  await pass(1_000)
  first.abort()
  await pass(5_000)
  give(deliveryOf('head', { attempts: 1, lane: '0' }), deliveryOf('follower', { lane: '0' }))
  await pass(8_000)
  assert.deepEqual(outcomes(settled), ['head released 1', 'follower released 0'])
  assert.equal(invoked.length, 1, 'the wait goes on')
  await pass(10_000)
  assert.deepEqual(
    invoked.map(({ ids }) => ids),
    ['head', 'head'],
  )
  await mapping.stop()
})

const controller = () => {
  const made = new AbortController()
  return { signal: made.signal, abort: () => made.abort() }
}
