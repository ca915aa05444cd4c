/** What goes back while something is taken, or while the answer is lost on its way. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Delivery, Source } from '../../../core/contract.ts'
import { logTo } from '../../../core/log.ts'
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
import { type OpenedStream, openTestStream } from './stream-opened.ts'

const redis = sharedBroker('redis')
const skip = redis.missing
/** Nobody is taken for dead. */
const LONG_LEASE = { claimTimeout: 120_000 }
const ALONE = { ...LONG_LEASE, exclusive: true }

const lostOnes = (deliveries: readonly Delivery[]): readonly boolean[] => deliveries.map(({ lost }) => lost.aborted)

/** So that the server knows them: else the answer that is lost is that it does not. */
const useEveryScript = async (stream: OpenedStream, source: Source): Promise<void> => {
  await stream.publish(['first'])
  assert.deepEqual(await source.settle(accept(await take(stream, source, 1))), [])
}

/** Of the next answer that comes; `seen` says that the server has done what was asked. */
const losingTheAnswer = async <T>(stream: OpenedStream, asked: () => Promise<T>, seen: () => Promise<boolean>) => {
  stream.proxy.halfOpen('toClient')
  const asking = asked()
  await until('the server has done it', seen)
  stream.proxy.heal()
  stream.proxy.reset()
  return asking
}

const polled = (source: Source, count: number): Promise<readonly Delivery[]> =>
  until('they come again', () =>
    source.poll(request({ max: count, waitMs: 500 })).then(
      found => found.length === count && found,
      () => false as const,
    ),
  )

const settled = (source: Source, verdicts: Parameters<Source['settle']>[0]) =>
  until('it was told again', async () => (await source.settle(verdicts)).length === 0)

for (const sooner of ['poll', 'settle'] as const)
  test(`where order is kept nothing is taken past what goes back at that moment: ${sooner} first`, {
    skip,
  }, async context => {
    const stream = await openTestStream(context, (await redis.address()).url, ALONE)
    const source = await stream.open()
    await stream.publish(numbered(6))
    const first = await take(stream, source, 3)
    const settle = () => source.settle(release(first.slice(0, 1), 1))
    const poll = () => source.poll(request())
    const both = sooner === 'poll' ? [poll(), settle()] : [settle(), poll()]
    const [taken, unsettled] = sooner === 'poll' ? await Promise.all(both) : (await Promise.all(both)).toReversed()
    assert.deepEqual(unsettled, [])
    const stillOurs = (taken as readonly Delivery[]).filter(({ lost }) => !lost.aborted)
    const rest = await take(stream, source, 6 - stillOurs.length)
    assert.deepEqual(bodies([...stillOurs, ...rest]), numbered(6))
    assert.deepEqual(lostOnes(first), [false, true, true])
    assert.deepEqual(await source.settle(accept([...stillOurs, ...rest])), [])
    assert.equal(await stream.backlog(), 0)
  })

test('records share one signal; what is lost with others takes it along, what is settled keeps its own for good', {
  skip,
}, async context => {
  const stream = await openTestStream(context, (await redis.address()).url, ALONE)
  const source = await stream.open()
  await stream.publish(numbered(4))
  const taken = await take(stream, source, 4)
  const [first, second, third] = taken
  assert.ok(first && second && third)
  const { lost } = first
  assert.deepEqual(new Set(taken.map(each => each.lost)), new Set([lost]))
  assert.deepEqual(await source.settle(accept([first])), [])
  assert.equal(first.lost, lost, 'whoever listens to it can stop listening')
  assert.deepEqual(await source.settle(release([third])), [])
  assert.ok(lost.aborted)
  assert.deepEqual(lostOnes(taken), [false, false, false, true])
  await stream.raw.del(stream.keys.readers)
  assert.deepEqual(await source.settle(accept([second])), [])
  assert.deepEqual(lostOnes(taken), [false, true, false, true], 'it was taken for dead: what it held is lost')
})

test('what was accepted does not go back with what comes before it, though Redis has not answered yet', {
  skip,
}, async context => {
  const stream = await openTestStream(context, (await redis.address()).url, { ...ALONE, removeSettled: true })
  const lines: string[] = []
  const source = await stream.openWith(
    {},
    logTo((level, message) => lines.push(`${level} ${message}`)),
  )
  await stream.publish(numbered(2))
  const taken = await take(stream, source, 2)
  const [first, second] = taken
  assert.ok(first && second)
  await Promise.all([source.settle(accept([second])), source.settle(release([first]))])
  assert.deepEqual(lostOnes(taken), [false, false])
  assert.deepEqual(bodies(await take(stream, source, 1)), ['r0'])
  assert.ok(!lines.some(line => /are lost/.test(line)), lines.join('\n'))
})

for (const exclusive of [true, false])
  test(`what went back though the answer was lost comes again, and is claimed anew${exclusive ? ', all behind it too' : ''}`, {
    skip,
  }, async context => {
    const stream = await openTestStream(context, (await redis.address()).url, { ...LONG_LEASE, exclusive })
    const source = await stream.open()
    await useEveryScript(stream, source)
    await stream.publish(numbered(3))
    const held = await take(stream, source, 3)
    const verdict = release(held.slice(0, 1), 1)
    const waits = async () => (await stream.raw.zcard(stream.keys.waiting)) > 0
    const untold = await losingTheAnswer(stream, () => source.settle(verdict), waits)
    assert.equal(untold[0]?.error.code, 'SETTLE_FAILED')
    const again = await polled(source, exclusive ? 3 : 1)
    assert.deepEqual(bodies(again), numbered(again.length))
    assert.deepEqual(lostOnes(held), exclusive ? [true, true, true] : [true, false, false])
    await settled(source, verdict)
    assert.deepEqual(await nothingMore(source), [], 'what is told again takes nothing from the new claim')
    assert.deepEqual(await source.settle(accept([...again, ...held])), [])
    assert.equal(await stream.backlog(), 0)
  })

test('what came with an answer that was lost keeps its attempts, and when it was first seen', {
  skip,
}, async context => {
  const stream = await openTestStream(context, (await redis.address()).url, LONG_LEASE)
  const source = await stream.open()
  await stream.publish(['failing'])
  const [first] = await take(stream, source, 1)
  assert.ok(first)
  assert.deepEqual(await source.settle(release([first], 3)), [])
  const asked = () => source.poll(request()).catch(() => [])
  await losingTheAnswer(stream, asked, async () => (await stream.raw.zcard(stream.keys.waiting)) === 0)
  const [again] = await polled(source, 1)
  assert.deepEqual([again?.attempts, again?.firstSeen, again?.priorDeliveries], [3, first.firstSeen, 0])
})
