import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MillraceError } from '../../../core/errors.ts'
import { accept, bodies, request } from '../../../core/testing/contract/reading.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { until } from '../../support/until.ts'
import { channelOf, openTopic } from './opened.ts'

const kafka = sharedBroker('kafka')
const LONG = { timeoutMs: 90_000 }

test('a broker that is away for long fails polls, loses claims, and is read on from the commit when it is back', {
  skip: kafka.missingOwn,
}, async context => {
  const broker = await kafka.own()
  const opened = await openTopic(context, broker.url)
  const source = await opened.open()
  await opened.publish(['a', 'b', 'c'].map(value => ({ value })))
  const taken = [...(await source.poll(request({ max: 1, waitMs: 10_000 })))]
  assert.deepEqual(await source.settle(accept(taken)), [])
  const held = await source.poll(request({ max: 1, waitMs: 10_000 }))
  await broker.kill('SIGKILL')
  const failure = await until(
    'polls fail',
    () =>
      source.poll(request({ waitMs: 1_000 })).then(
        () => undefined,
        (error: MillraceError) => error,
      ),
    LONG,
  )
  assert.deepEqual([failure.fatal, failure.code], [false, 'SOURCE_FAILED'])
  assert.ok(held[0]?.lost.aborted)
  assert.deepEqual(await source.settle(accept(held)), [], 'there is nobody to tell')

  const second = await opened.connect()
  await assert.rejects(second.openSource(channelOf(opened.topic), { group: 'g', start: 'earliest', maxInFlight: 9 }))
  await broker.restart('SIGKILL')
  const again: string[] = []
  await until(
    'the rest comes',
    async () => {
      const found = await source.poll(request({ waitMs: 1_000 })).catch(() => [])
      again.push(...bodies(found))
      await source.settle(accept(found))
      return again.length >= 2
    },
    LONG,
  )
  assert.deepEqual(again, ['b', 'c'])
  const opening = await second.openSource(channelOf(opened.topic), { group: 'g', start: 'earliest', maxInFlight: 9 })
  assert.deepEqual(bodies(await opening.poll(request({ max: 1, waitMs: 10_000 }))), ['a'])
  await Promise.all([opening.close(), source.close()])
})
