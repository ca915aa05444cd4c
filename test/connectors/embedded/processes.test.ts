/** Several processes on one file: who claims what, and what becomes of it when one is killed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accept, bodies, nothingMore, numbered, release, take } from '../../../core/testing/contract/reading.ts'
import type { Child } from '../../support/child.ts'
import { until } from '../../support/until.ts'
import { openEmbedded } from './opened.ts'

const done = (child: Child): readonly { readonly lane: string; readonly body: string }[] =>
  [...child.output().matchAll(/^done (\S+) (\S+)$/gm)].map(([, lane = '', body = '']) => ({ lane, body }))

for (const type of ['queue', 'topic'] as const)
  test(`a ${type}: what a killed process had claimed comes at once to a reader that is already waiting, in order`, async t => {
    const opened = await openEmbedded(t, { type })
    const child = opened.reader('hold', 3)
    await child.line(/^open/)
    await opened.publish(numbered(3))
    await child.line(/^holds 3/)
    const source = await opened.open()
    assert.deepEqual(await nothingMore(source), [])
    child.kill('SIGKILL')
    const taken = await take(opened, source, 3)
    assert.deepEqual(bodies(taken), numbered(3))
    assert.deepEqual(
      taken.map(each => each.priorDeliveries),
      [1, 1, 1],
    )
    await source.close()
  })

test('a record is counted each time that it was claimed by a process which died, and a clean release is not', async t => {
  const opened = await openEmbedded(t, { type: 'queue' })
  await opened.publish(['unlucky'])
  await opened.crash(1)
  await opened.crash(1)
  const source = await opened.open()
  const taken = await take(opened, source, 1)
  assert.deepEqual(
    taken.map(each => each.priorDeliveries),
    [2],
  )
  assert.deepEqual(await source.settle(release(taken, 1)), [])
  assert.deepEqual(
    (await take(opened, source, 1)).map(each => [each.attempts, each.priorDeliveries]),
    [[1, 2]],
  )
  await source.close()
})

test('a stream: only what was in flight when its owner was killed is suspect, and finished records do not come again', async t => {
  const opened = await openEmbedded(t, { type: 'stream', options: { partitions: 1 } })
  await opened.publish(numbered(6))
  const first = await opened.open()
  const taken = await take(opened, first, 4)
  assert.deepEqual(await first.settle(accept(taken.slice(0, 1))), [])
  assert.deepEqual(await first.settle(accept(taken.slice(2, 3))), [])
  await first.close()
  await opened.crash(2)
  const source = await opened.open()
  const again = await take(opened, source, 4)
  assert.deepEqual(
    again.map(each => [bodies([each])[0], each.priorDeliveries]),
    [
      ['r1', 1],
      ['r3', 1],
      ['r4', 0],
      ['r5', 0],
    ],
  )
  await source.close()
})

test('two processes that compete for a queue get disjoint records, and all of them', async t => {
  const opened = await openEmbedded(t, { type: 'queue' })
  const children = [opened.reader('work'), opened.reader('work')]
  await Promise.all(children.map(child => child.line(/^open/)))
  for (let index = 0; index < 20; index += 1)
    await opened.send(Array.from({ length: 20 }, (_, each) => ({ body: Buffer.from(`r${index * 20 + each}`) })))
  const all = (): readonly string[] => children.flatMap(child => done(child).map(each => each.body))
  await until('all records are done', () => all().length >= 400)
  assert.deepEqual([...all()].sort(), [...numbered(400)].sort())
  assert.equal(await opened.backlog(), 0)
})

test('the partitions of a stream are shared among processes, and move when one of them is killed', async t => {
  const opened = await openEmbedded(t, { type: 'stream', options: { partitions: 4 } })
  const send = (round: string) =>
    opened.send([0, 1, 2, 3].map(partition => ({ body: Buffer.from(`${round}${partition}`), position: { partition } })))
  const owners = (): readonly number[] =>
    (
      opened.raw
        .prepare('SELECT count(*) AS lanes FROM embedded_lanes WHERE member IS NOT NULL GROUP BY member ORDER BY 1')
        .all() as { lanes: number }[]
    ).map(row => row.lanes)
  const first = opened.reader('work')
  await until('one owner has all partitions', () => owners().join() === '4')
  const second = opened.reader('work')
  await until('both have their share', () => owners().join() === '2,2')
  await send('a')
  await until('all are done', () => done(first).length + done(second).length === 4)
  assert.equal(new Set(done(first).map(each => each.lane)).size, 2)
  assert.equal(new Set(done(second).map(each => each.lane)).size, 2)
  first.kill('SIGKILL')
  await send('b')
  await until('the other does it all', () => done(second).length === 6)
  assert.deepEqual(owners(), [4])
})

test('what another process sends is noticed by a poll that waits', async t => {
  const opened = await openEmbedded(t, { type: 'queue' })
  const child = opened.reader('work')
  await child.line(/^open/)
  await opened.send([{ body: Buffer.from('hello') }])
  await child.line(/^done 0 hello/)
})
