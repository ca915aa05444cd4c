/** Sources that break a promise on purpose go through the suite, to show that it catches them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memoryConnector } from '../../connectors/memory/connector.ts'
import { systemClock } from '../../core/clock.ts'
import type { Source } from '../../core/contract.ts'
import { silentLog } from '../../core/log.ts'
import type { SourceHarness } from '../../core/testing/contract/harness.ts'
import { accept } from '../../core/testing/contract/reading.ts'
import { sourceCases } from '../../core/testing/contract/source-contract.ts'

type Break = (source: Source) => Source

const unbroken: Break = source => source

const acksEarly: Break = source => ({
  ...source,
  async poll(request) {
    const taken = await source.poll(request)
    await source.settle(accept(taken))
    return taken
  },
})

const reorders: Break = source => ({ ...source, poll: async request => (await source.poll(request)).toReversed() })

const forgetsOne: Break = source => ({
  ...source,
  async poll(request) {
    const taken = await source.poll(request)
    return taken.length > 1 ? taken.slice(1) : taken
  },
})

const ignoresMax: Break = source => ({
  ...source,
  poll: request => source.poll({ ...request, max: request.max + 1, maxPerLane: request.maxPerLane + 1 }),
})

const forgetsAttempts: Break = source => ({
  ...source,
  settle: settlements =>
    source.settle(settlements.map(each => (each.outcome === 'released' ? { ...each, attempts: 0 } : each))),
})

const keepsOnClose: Break = source => ({ ...source, close: async () => {} })

const settlesNothing: Break = source => ({ ...source, settle: async () => [] })

const answersLate: Break = source => ({ ...source, poll: request => source.poll({ ...request, waitMs: 0 }) })

const claimsWhilePaused: Break = source => ({ ...source, pause: async () => {} })

const NOT_FOR_A_QUEUE_IN_MEMORY = [
  'what was unsettled at a crash comes again, and says that a claim ended without a verdict',
  'on an ordered source, releasing a record releases all claimed after it in its lane',
  'start applies once, to a reader without a position',
  'a group gets every record, whatever other groups did',
]

const harness = async (spoil: Break): Promise<SourceHarness> => {
  const connector = memoryConnector('embedded')
  const context = { clock: systemClock, log: silentLog, random: () => 0.5, stateDir: '/nowhere' }
  const connection = await connector.connect('local', {}, context)
  const channel = { type: 'queue', name: 'orders', address: 'local/orders', options: {} }
  const sink = await connection.openSink(channel)
  const send: SourceHarness['send'] = async records => void (await sink.send(records))
  return {
    open: async () =>
      spoil(await connection.openSource(channel, { group: 'test', start: 'earliest', maxInFlight: 1_000 })),
    publish: bodies => send(bodies.map(body => ({ body: Buffer.from(body) }))),
    send,
    backlog: async () => connector.backlog(),
    crash: async () => {},
    patienceMs: 500,
  }
}

const brokenPromises = async (spoil: Break): Promise<readonly string[]> => {
  const cases = sourceCases.filter(({ promise }) => !NOT_FOR_A_QUEUE_IN_MEMORY.includes(promise))
  const verdicts = await Promise.all(
    cases.map(async each => {
      const ended = await Promise.allSettled([harness(spoil).then(each.run)])
      return ended[0].status === 'rejected' ? [each.promise] : []
    }),
  )
  return verdicts.flat()
}

const caught: readonly (readonly [what: string, spoil: Break, promise: string])[] = [
  ['acknowledges early', acksEarly, 'close gives unsettled records back, and may be called twice'],
  ['acknowledges early', acksEarly, 'what is claimed is unsettled until it is settled'],
  ['changes the order', reorders, 'records of a lane come in the order in which they were sent'],
  ['forgets a record', forgetsOne, 'a thousand records, some given back, all come and none is lost'],
  ['hands out more than max', ignoresMax, 'poll answers with at most max, and at most maxPerLane of one lane'],
  [
    'forgets attempts',
    forgetsAttempts,
    'released records come again with their attempts, and are told apart from new ones',
  ],
  ['keeps its claims when closed', keepsOnClose, 'settling a lost delivery does nothing'],
  ['says that it settled and did not', settlesNothing, 'accepted and rejected records do not come again'],
  ['does not wait', answersLate, 'poll resolves as soon as it has one record'],
  ['claims while it is paused', claimsWhilePaused, 'pause stops claiming, and resume goes on'],
]

test('the suite has nothing against a source that keeps its promises', async () => {
  assert.deepEqual(await brokenPromises(unbroken), [])
})

for (const [what, spoil, promise] of caught)
  test(`a source that ${what} is caught by: ${promise}`, async () => {
    assert.ok((await brokenPromises(spoil)).includes(promise))
  })
