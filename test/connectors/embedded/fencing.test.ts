/** A reader that was taken for dead while it lived: it settles nothing any more, finds out, and joins again. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ownerToText, thisProcess } from '../../../core/owner.ts'
import { accept, bodies, numbered, release, request, take } from '../../../core/testing/contract/reading.ts'
import { until } from '../../support/until.ts'
import { type Opened, openEmbedded } from './opened.ts'

/** What a machine that slept looks like to others: its process began in an earlier boot. */
const pretendDead = ({ raw }: Opened): void => {
  const dead = ownerToText({ ...thisProcess(), id: 'another life', bootId: 'an earlier boot' })
  raw.prepare('UPDATE embedded_members SET owner = ?').run(dead)
}

for (const type of ['queue', 'topic', 'stream'] as const)
  test(`${type}: a stale reader settles nothing of what another claimed, and its deliveries are lost`, async t => {
    const opened = await openEmbedded(t, { type, options: { partitions: 1 } })
    const stale = await opened.open()
    await opened.publish(numbered(3))
    const lost = await take(opened, stale, 3)
    pretendDead(opened)
    const other = await opened.open()
    const taken = await take(opened, other, 3)
    assert.deepEqual(
      taken.map(each => each.priorDeliveries),
      [1, 1, 1],
    )
    assert.deepEqual(await stale.settle(accept(lost)), [])
    assert.equal(await opened.backlog(), 3)
    assert.deepEqual(await other.settle(release(taken)), [])
    await other.close()
    await until('the stale reader has joined again and has the records', async () => {
      const again = await stale.poll(request({ waitMs: 100 }))
      return again.length > 0 && bodies(again)
    })
    assert.deepEqual(
      lost.map(each => each.lost.aborted),
      [true, true, true],
    )
  })

test('what a poll was claiming while a record before it was released is not handed out in the wrong order', async t => {
  const opened = await openEmbedded(t, { type: 'stream', options: { partitions: 1 } })
  const source = await opened.open()
  await opened.publish(numbered(6))
  const first = await take(opened, source, 3)
  const settling = source.settle(release(first.slice(1, 2), 1))
  const claiming = source.poll(request({ max: 3, waitMs: 60_000 }))
  assert.deepEqual(await settling, [])
  const then = await claiming
  const rest = await take(opened, source, 5 - then.length)
  assert.deepEqual([...bodies(then), ...bodies(rest)], ['r1', 'r2', 'r3', 'r4', 'r5'])
  assert.deepEqual(await source.settle(accept([...first.slice(0, 1), ...then, ...rest])), [])
  assert.equal(await opened.backlog(), 0)
})
