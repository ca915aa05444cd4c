/** Answers of the server that are lost on their way: what was asked is found out, or asked again. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Source } from '../../../core/contract.ts'
import {
  accept,
  bodies,
  nothingMore,
  numbered,
  release,
  request,
  take,
} from '../../../core/testing/contract/reading.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { until } from '../../support/until.ts'
import { type OpenedList, openTestList } from './list-opened.ts'

const redis = sharedBroker('redis')
const skip = redis.missing

/** So that the server knows them: else the answer that is lost is that it does not. */
const useEveryScript = async (list: OpenedList, source: Source): Promise<void> => {
  await list.publish(['first'])
  assert.deepEqual(await source.settle(accept(await take(list, source, 1))), [])
}

test('a take whose answer was lost on its way is given back, and comes again', { skip }, async context => {
  const { url } = await redis.address()
  const list = await openTestList(context, url)
  const source = await list.open()
  await useEveryScript(list, source)
  list.proxy.halfOpen('toClient')
  await list.publish(numbered(3))
  const lost = source.poll(request({ waitMs: 0 })).catch(error => error)
  await until('the server has given them', async () => (await list.raw.hlen(list.keys.records)) === 3)
  list.proxy.heal()
  list.proxy.reset()
  assert.equal((await lost).code, 'SOURCE_FAILED')
  const again = await until('they come again', () =>
    take(list, source, 3).then(
      found => found.length === 3 && found,
      () => false as const,
    ),
  )
  assert.deepEqual(bodies(again), numbered(3))
  assert.deepEqual(await source.settle(accept(again)), [])
  assert.deepEqual(await nothingMore(source), [])
  assert.equal(await list.backlog(), 0)
})

test('scripts that the server forgot are told it again', { skip }, async context => {
  const { url } = await redis.address()
  const list = await openTestList(context, url)
  const source = await list.open()
  await list.raw.script('FLUSH')
  await list.publish(['a'])
  const taken = await take(list, source, 1)
  await list.raw.script('FLUSH')
  assert.deepEqual(await source.settle(accept(taken)), [])
  assert.equal(await list.backlog(), 0)
})

test('a verdict whose answer was lost is told again, and takes nothing from whoever holds the record by then', {
  skip,
}, async context => {
  const { url } = await redis.address()
  const list = await openTestList(context, url)
  const source = await list.open()
  const other = await list.open()
  await useEveryScript(list, source)
  await list.publish(['a'])
  const taken = await take(list, source, 1)
  const back = taken.map(delivery => ({ delivery, outcome: 'released' as const, attempts: 1 }))
  list.proxy.halfOpen('toClient')
  const untold = source.settle(back)
  await until('the server has it back', async () => (await list.raw.zcard(list.keys.waiting)) === 1)
  list.proxy.heal()
  list.proxy.reset()
  assert.equal((await untold)[0]?.error.code, 'SETTLE_FAILED')
  const again = await until('another reader has it', () =>
    other.poll(request({ waitMs: 500 })).then(
      found => found[0],
      () => undefined,
    ),
  )
  await until('it was told again', async () => (await source.settle(back)).length === 0)
  assert.equal(await list.raw.zcard(list.keys.waiting), 0)
  assert.deepEqual(await other.settle(accept([again])), [])
  assert.equal(await list.backlog(), 0)
})

test('a verdict whose answer was lost is told again, and takes nothing from the new claim of the same reader', {
  skip,
}, async context => {
  const { url } = await redis.address()
  const list = await openTestList(context, url, { claimTimeout: 120_000 })
  const source = await list.open()
  await useEveryScript(list, source)
  await list.publish(['a'])
  const back = release(await take(list, source, 1), 1)
  list.proxy.halfOpen('toClient')
  const untold = source.settle(back)
  await until('the server has it back', async () => (await list.raw.zcard(list.keys.waiting)) === 1)
  list.proxy.heal()
  list.proxy.reset()
  assert.equal((await untold)[0]?.error.code, 'SETTLE_FAILED')
  const again = await until('it comes again', () =>
    source.poll(request({ waitMs: 500 })).then(
      found => found[0],
      () => undefined,
    ),
  )
  assert.equal(again.attempts, 1)
  await until('it was told again', async () => (await source.settle(back)).length === 0)
  assert.equal(await list.raw.zcard(list.keys.waiting), 0)
  assert.deepEqual(await source.settle(accept([again])), [])
  assert.equal(await list.backlog(), 0)
})
