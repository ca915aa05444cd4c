/** What networks do, between sources and their broker. Half-open ones are in watchdog.kafka.test.ts. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Delivery, Source } from '../../../core/contract.ts'
import type { MillraceError } from '../../../core/errors.ts'
import { accept, bodies, numbered, request } from '../../../core/testing/contract/reading.ts'
import { startKafka } from '../../support/brokers/kafka.ts'
import { freePort } from '../../support/brokers/ports.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { type FaultProxy, openProxy } from '../../support/proxy.ts'
import type { Faults } from '../../support/proxy-pipe.ts'
import { until } from '../../support/until.ts'
import { channelOf, GROUP, type OpenedTopic, openTopic } from './opened.ts'

let between: FaultProxy | undefined

const kafka = sharedBroker('kafka', async scope => {
  const port = await freePort()
  between = await openProxy(scope, { to: port })
  return startKafka(scope, { port, advertisedPort: between.port })
})
const skip = kafka.missingOwn
const LONG = { timeoutMs: 90_000 }

const openBehindProxy = async (context: TestContext) => {
  const { url } = await kafka.own()
  assert.ok(between)
  const proxy = between
  context.after(() => proxy.faults({}))
  return { proxy, opened: await openTopic(context, url) }
}

/** Polls and settles until all of `wanted` came; answers all that came, in order, those that came again too. */
const readAll = async (source: Source, wanted: readonly string[]): Promise<readonly string[]> => {
  const found: string[] = []
  await until(
    `${wanted.length} records came`,
    async () => {
      const taken = await source.poll(request({ waitMs: 500 })).catch((error: MillraceError): readonly Delivery[] => {
        assert.equal(error.fatal, false, error.message)
        return []
      })
      found.push(...bodies(taken))
      await source.settle(accept(taken))
      return new Set(found).size === wanted.length
    },
    LONG,
  )
  return found
}

/** What could not be told during a fault is told with the next verdict, or with none. */
const allCommitted = async (source: Source, opened: OpenedTopic, count: number): Promise<void> => {
  const told = async (): Promise<boolean> => {
    await source.settle([])
    return (await opened.committed().catch(() => -1)) === count
  }
  await until('all is committed', told, LONG)
}

/** Each in the order it was sent, where what came again is looked at once. */
const assertOrder = (found: readonly string[], sent: readonly string[]): void =>
  assert.deepEqual([...new Set(found)], sent)

const WANTED = numbered(400)

test('connections that are reset again and again lose nothing and keep the order', { skip }, async context => {
  const { proxy, opened } = await openBehindProxy(context)
  await opened.publish(WANTED.map(value => ({ value, key: 'one lane' })))
  const source = await opened.open()
  const found: string[] = []
  for (let round = 0; round < 5; round += 1) {
    const taken = await source.poll(request({ max: 20, waitMs: 5_000 })).catch(() => [])
    found.push(...bodies(taken))
    proxy.reset()
    await source.settle(accept(taken))
  }
  found.push(
    ...(await readAll(
      source,
      WANTED.filter(body => !found.includes(body)),
    )),
  )
  assertOrder(found, WANTED)
  await allCommitted(source, opened, WANTED.length)
  await source.close()
})

test('what is left of an answer when a connection breaks spoils none of the next one', { skip }, async context => {
  const { proxy, opened } = await openBehindProxy(context)
  const connection = await opened.connect()
  const ask = () => connection.openSource(channelOf('nobody'), { group: GROUP, start: 'earliest', maxInFlight: 1 })
  const cut = async (limitBytes: number): Promise<void> => {
    proxy.faults({ limitBytes })
    await assert.rejects(ask())
    proxy.faults({})
    // Had it taken the rest of one answer for the beginning of another, this process would have ended.
    await assert.rejects(ask(), /nobody/)
  }
  for (let limitBytes = 40; limitBytes < 1_200; limitBytes += 97) await cut(limitBytes)
})

const faults: readonly (readonly [what: string, faults: Faults, records: number])[] = [
  ['a connection that ends in the middle of a frame, each after 60 KB,', { limitBytes: 60_000 }, 120],
  ['a network that delivers single bytes', { sliceBytes: 1 }, 30],
]

for (const [what, fault, records] of faults)
  test(`${what} loses nothing and keeps the order`, { skip }, async context => {
    const { proxy, opened } = await openBehindProxy(context)
    const sent = numbered(records).map(name => `${name} ${'x'.repeat(400)}`)
    await opened.publish(sent.map(value => ({ value, key: 'one lane' })))
    const source = await opened.open({}, { fetchBytes: '20 KB' })
    proxy.faults(fault)
    assertOrder(await readAll(source, sent), sent)
    proxy.faults({})
    await allCommitted(source, opened, sent.length)
    await source.close()
  })

test('answers that take five seconds cost no membership, and nothing comes twice', { skip }, async context => {
  const { proxy, opened } = await openBehindProxy(context)
  await opened.publish(['a', 'b', 'c'].map(value => ({ value })))
  const source = await opened.open({}, { sessionTimeout: '30s', rebalanceTimeout: '60s' })
  const memberOf = async () => {
    const { groups } = await opened.admin.describeGroups([GROUP])
    return groups[0]?.members.map(({ memberId }) => memberId)
  }
  const before = await memberOf()
  const held = await source.poll(request({ max: 1, waitMs: 20_000 }))
  assert.deepEqual(bodies(held), ['a'])
  proxy.faults({ latencyMs: 2_500 })
  assert.deepEqual(await source.settle(accept(held)), [])
  const found = await readAll(source, ['b', 'c'])
  assert.equal(held[0]?.lost.aborted, false)
  proxy.faults({})
  assert.deepEqual(found, ['b', 'c'])
  assert.deepEqual(await memberOf(), before)
  assert.equal(await opened.committed(), 3)
  await source.close()
})

test('a record larger than what is fetched at once still comes, and large headers with it', { skip }, async context => {
  const { opened } = await openBehindProxy(context)
  const value = Buffer.alloc(600_000, 'v')
  const header = Buffer.alloc(64 * 1024, 'h')
  await opened.publish([{ value: 'first' }, { value, headers: { trace: header } }, { value: 'last' }])
  const source = await opened.open({}, { fetchBytes: '1 KB' })
  const found: Delivery[] = []
  while (found.length < 3) {
    const taken = await source.poll(request({ waitMs: 20_000 }))
    assert.ok(taken.length > 0)
    found.push(...taken)
    await source.settle(accept(taken))
  }
  assert.equal(found[1]?.record.body?.length, value.length)
  assert.deepEqual(found[1]?.record.headers, [['trace', new Uint8Array(header)]])
  await source.close()
})

test('a close is bounded while the broker is away, and during a rebalance that nobody ends', {
  skip,
}, async context => {
  const { proxy, opened } = await openBehindProxy(context)
  await opened.publish(['a', 'b'].map(value => ({ value })))
  const [first, second] = [await opened.open(), await opened.open({ group: 'others' })]
  const held = await first.poll(request({ max: 1, waitMs: 20_000 }))
  assert.equal(held.length, 1)
  // A second member makes the first drain, and it is closed in the middle of that.
  const third = opened.open()
  await until('it drains', async () => (await first.poll(request({ max: 1, waitMs: 200 }))).length === 0)
  await withinSeconds(20, first.close())
  await (await third).close()
  await proxy.down()
  await withinSeconds(20, second.close())
  await proxy.up()
})

/** Bounded, not quick: what the core would wait for a close. */
const withinSeconds = async (seconds: number, work: Promise<unknown>): Promise<void> => {
  let done = false
  void work.finally(() => {
    done = true
  })
  await until(`it is closed within ${seconds} s`, () => done, { timeoutMs: seconds * 1_000 })
}
