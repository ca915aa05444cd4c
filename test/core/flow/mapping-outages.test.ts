import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Source } from '../../../core/contract.ts'
import { logTo } from '../../../core/log.ts'
import { deliveryOf } from './entries.ts'
import { feed, idleSource } from './feed.ts'
import { ACCEPT, setUp } from './running.ts'

/** Lines of a log, without those for debugging. */
const listening = () => {
  const lines: string[] = []
  const log = logTo((level, message) => void (level === 'debug' || lines.push(`${level} ${message}`)))
  return { log, lines }
}

test('a source that is not there is said at once and then every minute, tried once a second at most, and shown', async () => {
  const { log, lines } = listening()
  const tries: number[] = []
  let there = false
  const { mapping, pass, invoked } = await setUp({
    answer: () => ACCEPT,
    log,
    random: () => 0,
    openSource: async () => {
      tries.push(tries.length)
      if (!there) throw new Error('no broker at this address')
      return idleSource({})
    },
  })
  await mapping.start()
  const { state, waitsForSource } = mapping.status()
  assert.equal(state, 'starting')
  assert.match(waitsForSource?.message ?? '', /no broker at this address/)
  await pass(59_500)
  assert.deepEqual(lines, ['warn the source cannot be read; it is waited for'])
  assert.ok(tries.length <= 61, `${tries.length} tries in a minute`)
  await pass(60_000)
  assert.deepEqual(lines.slice(1), ['warn the source still cannot be read; it is waited for'])
  assert.equal(mapping.status().waitsForSource?.since, waitsForSource?.since)
  there = true
  await pass(31_000)
  assert.deepEqual(lines.slice(2), ['info the source can be read again'])
  assert.deepEqual([mapping.status().state, mapping.status().waitsForSource, invoked], ['running', undefined, []])
  await mapping.stop()
})

test('a source that can be opened and not read is shown in the same way', async () => {
  const { log, lines } = listening()
  const { source } = feed()
  let polls = 0
  const { mapping, pass } = await setUp({
    answer: () => ACCEPT,
    log,
    random: () => 0,
    openSource: async () => ({
      ...source,
      async poll(request) {
        polls += 1
        if (polls < 20) throw new Error('connection reset')
        return source.poll(request)
      },
    }),
  })
  await mapping.start()
  await pass(10_000)
  assert.match(mapping.status().waitsForSource?.message ?? '', /connection reset/)
  assert.ok(polls <= 11, `${polls} polls in ten seconds`)
  await pass(600_000)
  assert.equal(mapping.status().waitsForSource, undefined)
  assert.deepEqual(
    [lines.at(0), lines.at(-1)],
    ['warn the source cannot be read; it is waited for', 'info the source can be read again'],
  )
  await mapping.stop()
})

test('a source that never ends opening is tried anew, and closed when it opens after all', async () => {
  const opened: ((source: Source) => void)[] = []
  const closed: string[] = []
  const { mapping, pass } = await setUp({
    answer: () => ACCEPT,
    openSource: () => new Promise(resolve => opened.push(resolve)),
  })
  const started = mapping.start()
  await pass(20_000)
  await started
  assert.equal(opened.length, 1, 'whoever starts it does not wait for ever')
  await pass(110_000)
  assert.equal(opened.length, 2)
  assert.match(mapping.status().waitsForSource?.message ?? '', /not open within 120000 ms/)
  opened[0]?.(idleSource({ close: async () => void closed.push('late') }))
  await pass(10)
  assert.deepEqual([closed, mapping.status().state], [['late'], 'starting'])
  opened[1]?.(feed(deliveryOf('a')).source)
  await pass(100)
  assert.equal(mapping.status().counts.accepted, 1)
  await mapping.stop()
})

test('a store that does not answer what it knows is asked again', async () => {
  let asked = 0
  const { mapping, pass } = await setUp({
    policy: { settleTimeoutMs: 10_000 },
    answer: () => ACCEPT,
    openSource: async () => feed(deliveryOf('a', { priorDeliveries: 1 })).source,
    store: { recall: () => (asked++ === 0 ? new Promise(() => {}) : Promise.resolve(new Map())) },
  })
  await mapping.start()
  await pass(9_000)
  assert.deepEqual([asked, mapping.status().counts.accepted], [1, 0])
  await pass(2_000)
  assert.deepEqual([asked, mapping.status().counts.accepted], [2, 1])
  await mapping.stop()
})
