/** Much that is finished beyond an unfinished record: what the broker is told of it, and what comes of that. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Delivery, Source } from '../../../core/contract.ts'
import { accept, bodies, numbered, request } from '../../../core/testing/contract/reading.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { until } from '../../support/until.ts'
import { GROUP, openTopic } from './opened.ts'

const kafka = sharedBroker('kafka')
const skip = kafka.missing
/** Kafka's own limit, in bytes. */
const BROKER_TAKES = 4_096
const QUIET_MS = 500

/** Settles every other record of what comes until nothing comes any more; answers those it holds. */
const settleEveryOther = async (source: Source): Promise<readonly Delivery[]> => {
  const held: Delivery[] = []
  for (;;) {
    const taken = await source.poll(request({ waitMs: QUIET_MS }))
    if (taken.length === 0) return held
    const isHeld = ({ record }: Delivery): boolean => Number(record.position?.offset) % 2 === 0
    held.push(...taken.filter(isHeld))
    assert.deepEqual(await source.settle(accept(taken.filter(each => !isHeld(each)))), [])
  }
}

test('at three quarters of what a commit can tell a lane claims nothing new, tells all, and a restart repeats none of it', {
  skip,
}, async context => {
  const opened = await openTopic(context, (await kafka.address()).url)
  const sent = numbered(3_000)
  await opened.publish(sent.map(value => ({ value })))
  const source = await opened.open()
  await until('the first is there', async () => ((await source.lag?.())?.[0]?.records ?? 0) === sent.length)
  const held = await settleEveryOther(source)
  const [found] = await opened.admin.fetchOffsets({ groupId: GROUP, topics: [opened.topic] })
  const metadata = found?.partitions[0]?.metadata ?? ''
  assert.ok(metadata.length > 0.75 * BROKER_TAKES && metadata.length <= BROKER_TAKES, `${metadata.length} characters`)
  const told: number = JSON.parse(metadata).runs.length / 2
  assert.equal(told, held.length, 'a run for each of the others')
  await source.close()

  const again = await opened.open()
  const first = await again.poll(request({ max: held.length, maxPerLane: held.length, waitMs: 10_000 }))
  assert.deepEqual(bodies(first), bodies(held).slice(0, first.length))
  const seen: string[] = [...bodies(first)]
  assert.deepEqual(await again.settle(accept(first)), [])
  await until('all are settled', async () => {
    const taken = await again.poll(request({ max: 500, maxPerLane: 500, waitMs: 1_000 }))
    seen.push(...bodies(taken))
    assert.deepEqual(await again.settle(accept(taken)), [])
    return (await opened.committed()) === sent.length
  })
  assert.deepEqual(seen, [...bodies(held), ...sent.slice(2 * held.length)])
  await again.close()
})
