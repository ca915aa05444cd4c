/** What a source promises when connections break and brokers go away, and when several readers come and go. */
import assert from 'node:assert/strict'
import type { Delivery } from '../../contract.ts'
import type { SourceCase, SourceHarness } from './harness.ts'
import {
  accept,
  bodies,
  closedInTime,
  nothingMore,
  numbered,
  openedAgain,
  readOn,
  request,
  settleAll,
  take,
} from './reading.ts'

/** A harness without them has a written skip for every case that needs them. */
const cut = (harness: SourceHarness): Promise<void> => harness.cut?.() ?? Promise.reject(new Error('no cut'))
const restart = (harness: SourceHarness): Promise<void> =>
  harness.restart?.() ?? Promise.reject(new Error('no restart'))

export const cutCases: readonly SourceCase[] = [
  {
    promise: 'what was claimed when a connection is cut is still ours, or is lost and comes again',
    needs: ['cut'],
    async run(harness) {
      const source = await harness.open()
      await harness.publish(numbered(5))
      const held = await take(harness, source, 5)
      await cut(harness)
      await harness.publish(['after'])
      const taken = await readOn(harness, source, found => bodies(found).includes('after') && cameAgain(held, found))
      for (const each of held)
        if (bodies(taken).includes(bodyOf(each))) assert.ok(each.lost.aborted, 'claimed twice and not lost')
      await settleAll(harness, source, accept([...held.filter(({ lost }) => !lost.aborted), ...taken]))
      const late = await readOn(harness, source, async () => (await harness.backlog()) === 0, 'accept')
      assert.deepEqual(
        new Set([...bodies(held), ...bodies(taken), ...bodies(late)]),
        new Set([...numbered(5), 'after']),
      )
      await closedInTime(harness, source)
    },
  },
  {
    promise: 'settling what a cut has made lost does nothing: it is acknowledged to nobody',
    needs: ['cut'],
    async run(harness) {
      const source = await harness.open()
      await harness.publish(['held'])
      const held = await take(harness, source, 1)
      await cut(harness)
      await harness.publish(['after'])
      const taken = await readOn(harness, source, found => bodies(found).includes('after') && cameAgain(held, found))
      const isLost = held.some(({ lost }) => lost.aborted)
      await settleAll(harness, source, accept(held))
      assert.equal(await harness.backlog(), isLost ? 2 : 1)
      await settleAll(harness, source, accept(taken))
      await readOn(harness, source, async () => (await harness.backlog()) === 0, 'accept')
      await closedInTime(harness, source)
    },
  },
  {
    promise:
      'a verdict that a cut kept from the broker is answered as unsettled, or its record is lost and comes again',
    needs: ['cut'],
    async run(harness) {
      const source = await harness.open()
      await harness.publish(numbered(20))
      const taken = await take(harness, source, 20)
      const settling = settleAll(harness, source, accept(taken.slice(0, 10)))
      await cut(harness)
      await Promise.all([settling, settleAll(harness, source, accept(taken.slice(10)))])
      const again = await readOn(harness, source, async () => (await harness.backlog()) === 0, 'accept')
      for (const each of taken)
        if (bodies(again).includes(bodyOf(each))) assert.ok(each.lost.aborted, `${bodyOf(each)} was settled, not lost`)
      await closedInTime(harness, source)
    },
  },
  {
    promise: 'closing right after a cut ends in time, and what was claimed comes to the next reader',
    needs: ['cut'],
    async run(harness) {
      const source = await harness.open()
      await harness.publish(numbered(4))
      const [first, ...held] = await take(harness, source, 4)
      assert.ok(first)
      await settleAll(harness, source, accept([first]))
      await cut(harness)
      await closedInTime(harness, source)
      await othersGet(harness, held)
    },
  },
  {
    promise: 'after a restart of the broker reading goes on by itself, and what was settled does not come again',
    needs: ['restart'],
    async run(harness) {
      const source = await harness.open()
      await harness.publish(numbered(4))
      const [first, ...held] = await take(harness, source, 3)
      assert.ok(first)
      await settleAll(harness, source, accept([first]))
      await restart(harness)
      await harness.publish(['after'])
      const taken = await readOn(harness, source, found => ['r3', 'after'].every(body => bodies(found).includes(body)))
      const again = await readOn(harness, source, found => cameAgain(held, [...taken, ...found]))
      await settleAll(harness, source, accept([...held.filter(({ lost }) => !lost.aborted), ...taken, ...again]))
      const late = await readOn(harness, source, async () => (await harness.backlog()) === 0, 'accept')
      assert.ok(!bodies([...taken, ...again, ...late]).includes('r0'))
      await closedInTime(harness, source)
    },
  },
  {
    promise: 'closing while the broker is away ends in time, and what was claimed comes to the next reader',
    needs: ['restart'],
    async run(harness) {
      const source = await harness.open()
      await harness.publish(numbered(3))
      const held = await take(harness, source, 3)
      const restarting = restart(harness)
      await Promise.all([closedInTime(harness, source), restarting])
      await othersGet(harness, held)
    },
  },
  {
    promise: 'readers of one group share the records: each record is claimed by one of them',
    async run(harness) {
      const sources = [await harness.open(), await harness.open()]
      await harness.publish(numbered(200))
      const seen: string[] = []
      const read = async (): Promise<readonly Delivery[]> => {
        const found: Delivery[] = []
        for (const source of sources) {
          const taken = await source.poll(request({ max: 7, maxPerLane: 7, waitMs: 100 }))
          await settleAll(harness, source, accept(taken))
          found.push(...taken)
        }
        return found
      }
      for (let idle = 0; seen.length < 200 && idle < (harness.patienceMs ?? 10_000); idle += 100) {
        const found = await read()
        if (found.length > 0) idle = 0
        seen.push(...bodies(found))
      }
      assert.deepEqual(seen.toSorted(), numbered(200).toSorted())
      assert.equal(await harness.backlog(), 0)
      for (const source of sources) await closedInTime(harness, source)
    },
  },
  {
    promise: 'a clean close right after the last verdict repeats nothing that was settled',
    async run(harness) {
      for (let round = 0; round < 3; round += 1) {
        const source = await harness.open()
        await harness.publish(numbered(500))
        const taken: Delivery[] = []
        while (taken.length < 500) {
          const found = await take(harness, source, 100)
          if (found.length === 0) break
          taken.push(...found)
          await settleAll(harness, source, accept(found))
        }
        await closedInTime(harness, source)
        assert.deepEqual(bodies(taken), numbered(500))
        const next = await harness.open()
        assert.deepEqual(bodies(await nothingMore(next)), [], `in round ${round}`)
        assert.equal(await harness.backlog(), 0)
        await next.close()
      }
    },
  },
]

const bodyOf = (delivery: Delivery): string => bodies([delivery])[0] ?? ''

const cameAgain = (held: readonly Delivery[], found: readonly Delivery[]): boolean =>
  held.every(each => !each.lost.aborted || bodies(found).includes(bodyOf(each)))

/** Another reader of the group gets these, and with them nothing is left. */
const othersGet = async (harness: SourceHarness, held: readonly Delivery[]): Promise<void> => {
  const other = await openedAgain(harness)
  const again = await readOn(harness, other, found => found.length >= held.length)
  assert.deepEqual(bodies(again).toSorted(), bodies(held).toSorted())
  await settleAll(harness, other, accept(again))
  assert.equal(await harness.backlog(), 0)
  await closedInTime(harness, other)
}
