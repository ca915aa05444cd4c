/** Processes of an app on Kafka that are ended, killed or stopped in the middle of something. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import { sharedBroker } from '../support/brokers/shared.ts'
import type { Child } from '../support/child.ts'
import { until } from '../support/until.ts'
import { type Field, GROUP, LONG, message, openField, stop } from './deploys/field.ts'

const kafka = sharedBroker('kafka')
const skip = kafka.missing
/** Of a stop that has nothing to wait for: the app closes its source within 10 s, whatever its broker does. */
const SOON_MS = 15_000

const stopSoon = async (app: Child): Promise<void> => {
  const since = systemClock.monotonic()
  await stop(app)
  const tookMs = systemClock.monotonic() - since
  assert.ok(tookMs < SOON_MS, `it took ${Math.round(tookMs)} ms to stop`)
}

const groupState = async ({ opened }: Field): Promise<string | undefined> =>
  (await opened.admin.describeGroups([GROUP])).groups[0]?.state

/** An app whose function holds the first of two records. */
const holding = async (context: TestContext): Promise<{ readonly field: Field; readonly app: Child }> => {
  const field = await openField(context, (await kafka.address()).url)
  await field.opened.publish([message('held'), message('follower')])
  const app = await field.start()
  await until('it runs', () => field.done().length === 1, LONG)
  return { field, app }
}

/** The limits of tests that start processes of an app. */
const LIMITS = { skip, timeout: 120_000 }

test('SIGTERM while a function runs lets it end, and nothing comes twice', LIMITS, async context => {
  const { field, app: first } = await holding(context)
  const stopped = stop(first)
  await until('it is told to stop', () => /stop|drain/i.test(first.output()), LONG)
  field.letGo()
  await stopped
  assert.ok(field.done().includes('held has ended'))
  const second = await field.start()
  await second.line(/deploys is running/)
  await until('the follower is processed', () => field.done().includes('follower 1'), LONG)
  await stop(second)
  assert.deepEqual(field.done(), ['held 1', 'held has ended', 'follower 1'])
  assert.equal(await field.opened.committed(GROUP), 2)
})

for (const who of ['the one that drains', 'the one that joins'] as const)
  test(`SIGTERM in the middle of a rebalance, to ${who}, loses nothing and repeats nothing`, LIMITS, async context => {
    const { field, app: drains } = await holding(context)
    const joins = await field.start()
    await until('the group rebalances', async () => (await groupState(field)) === 'PreparingRebalance', LONG)
    if (who === 'the one that joins') await stopSoon(joins)
    const stopped = who === 'the one that drains' ? stop(drains) : undefined
    field.letGo()
    await stopped
    await until('the follower is processed', () => field.done().includes('follower 1'), LONG)
    await stop(who === 'the one that drains' ? joins : drains)
    assert.deepEqual(field.done(), ['held 1', 'held has ended', 'follower 1'])
    assert.equal(await field.opened.committed(GROUP), 2)
  })

test('SIGTERM while the broker is away ends in time, at the start and later, and what was settled does not come again', {
  skip: kafka.missingOwn,
  timeout: 180_000,
}, async context => {
  const broker = await kafka.own()
  const field = await openField(context, broker.url)
  await field.opened.publish([message('one')])
  const lost = await field.start()
  await until('one is settled', async () => (await field.opened.committed(GROUP)) === 1, LONG)
  await broker.kill('SIGKILL')
  const early = await field.start()
  await until('it says what it waits for', () => /the broker cannot be reached/.test(early.output() + early.errors()))
  await Promise.all([stopSoon(lost), stopSoon(early)])
  const waits = await field.start()
  await until('it says what it waits for', () => /the broker cannot be reached/.test(waits.output() + waits.errors()))
  await broker.restart('SIGKILL')
  await until('the broker takes records', () =>
    field.opened.publish([message('two')]).then(
      () => true,
      () => undefined,
    ),
  )
  await until('two is settled', async () => (await field.opened.committed(GROUP).catch(() => -1)) === 2, LONG)
  await stop(waits)
  assert.deepEqual(field.done(), ['one 1', 'two 1'])
})

test('what a killed process had claimed comes to another, what it had settled does not', LIMITS, async context => {
  const field = await openField(context, (await kafka.address()).url)
  await field.opened.publish([message('one')])
  const killed = await field.start()
  await until('one is settled', async () => (await field.opened.committed(GROUP)) === 1, LONG)
  await field.opened.publish([message('held'), message('follower')])
  await until('it runs', () => field.done().includes('held 1'), LONG)
  killed.kill('SIGKILL')
  await killed.ended
  field.letGo()
  const other = await field.start()
  await until('the follower is processed', () => field.done().includes('follower 1'), LONG)
  await stop(other)
  assert.deepEqual(field.done(), ['one 1', 'held 1', 'held 1', 'held has ended', 'follower 1'])
})

test(
  'a process that was stopped past its session ends what it did, and cannot take back what others committed',
  LIMITS,
  async context => {
    const { field, app: stopped } = await holding(context)
    stopped.kill('SIGSTOP')
    field.letGo()
    const other = await field.start()
    await until('the other one has done all', async () => (await field.opened.committed(GROUP)) === 2, LONG)
    stopped.kill('SIGCONT')
    await until('it is a member again', async () => {
      assert.equal(await field.opened.committed(GROUP), 2)
      const { groups } = await field.opened.admin.describeGroups([GROUP])
      return groups[0]?.state === 'Stable' && groups[0].members.length === 2
    })
    await field.opened.publish([message('last')])
    await until('the group goes on', async () => (await field.opened.committed(GROUP)) === 3, LONG)
    await Promise.all([stop(other), stop(stopped)])
    assert.equal(field.done().filter(line => line === 'last 1').length, 1)
  },
)

test(
  'a process that is stopped past its session and continued is told that its record is lost, and settles nothing',
  LIMITS,
  async context => {
    const { field, app: stopped } = await holding(context)
    stopped.kill('SIGSTOP')
    const other = await field.start()
    await until('the other process has it', () => field.done().filter(line => line === 'held 1').length === 2, LONG)
    stopped.kill('SIGCONT')
    await until('the stopped one is told', () => field.done().includes('held was told that it is lost'), LONG)
    assert.equal(await field.opened.committed(GROUP), 0)
    field.letGo()
    await until('the follower is processed', () => field.done().includes('follower 1'), LONG)
    await Promise.all([stop(other), stop(stopped)])
    assert.equal(await field.opened.committed(GROUP), 2)
    assert.deepEqual(field.done().slice(2), ['held was told that it is lost', 'held has ended', 'follower 1'])
  },
)
