/** Sources that break a promise on purpose go through the suite, to show that it catches them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memoryConnector } from '../../connectors/memory/connector.ts'
import { systemClock } from '../../core/clock.ts'
import { silentLog } from '../../core/log.ts'
import type { SourceHarness } from '../../core/testing/contract/harness.ts'
import { sourceCases } from '../../core/testing/contract/source-contract.ts'
import * as breaks from './breaks.ts'
import { createWire, overWire } from './wire.ts'

const NOT_FOR_A_QUEUE_IN_MEMORY = [
  'what was unsettled at a crash comes again, and says that a claim ended without a verdict',
  'on an ordered source, releasing a record releases all claimed after it in its lane',
  'start applies once, to a reader without a position',
  'a group gets every record, whatever other groups did',
]

const harness = async (spoil: breaks.Break): Promise<SourceHarness> => {
  const connector = memoryConnector('embedded')
  const context = { clock: systemClock, log: silentLog, random: () => 0.5, stateDir: '/nowhere' }
  const connection = await connector.connect('local', {}, context)
  const channel = { type: 'queue', name: 'orders', address: 'local/orders', options: {} }
  const sink = await connection.openSink(channel)
  const send: SourceHarness['send'] = async records => void (await sink.send(records))
  const shared: breaks.Shared = { wire: createWire(), claimed: [] }
  const open = () => connection.openSource(channel, { group: 'test', start: 'earliest', maxInFlight: 1_000 })
  return {
    open: async () => spoil(await overWire(shared.wire, open), shared),
    publish: bodies => send(bodies.map(body => ({ body: Buffer.from(body) }))),
    send,
    backlog: async () => connector.backlog(),
    crash: async () => {},
    cut: shared.wire.cut,
    restart: shared.wire.restart,
    patienceMs: 500,
  }
}

/** Of these promises, or of all there are, the ones that a source breaks. */
const brokenPromises = async (spoil: breaks.Break, of?: readonly string[]): Promise<readonly string[]> => {
  const cases = sourceCases.filter(
    ({ promise }) => !NOT_FOR_A_QUEUE_IN_MEMORY.includes(promise) && (of?.includes(promise) ?? true),
  )
  const verdicts = await Promise.all(
    cases.map(async each => {
      const ended = await Promise.allSettled([harness(spoil).then(each.run)])
      return ended[0].status === 'rejected' ? [each.promise] : []
    }),
  )
  return verdicts.flat()
}

const CUT_CLAIMS = 'what was claimed when a connection is cut is still ours, or is lost and comes again'
const CUT_LOST = 'settling what a cut has made lost does nothing: it is acknowledged to nobody'
const CUT_VERDICTS =
  'a verdict that a cut kept from the broker is answered as unsettled, or its record is lost and comes again'
const CUT_CLOSE = 'closing right after a cut ends in time, and what was claimed comes to the next reader'
const RESTART = 'after a restart of the broker reading goes on by itself, and what was settled does not come again'
const AWAY_CLOSE = 'closing while the broker is away ends in time, and what was claimed comes to the next reader'

const caught: readonly (readonly [what: string, spoil: breaks.Break, promise: string])[] = [
  ['acknowledges early', breaks.acksEarly, 'close gives unsettled records back, and may be called twice'],
  ['acknowledges early', breaks.acksEarly, 'what is claimed is unsettled until it is settled'],
  ['changes the order', breaks.reorders, 'records of a lane come in the order in which they were sent'],
  ['forgets a record', breaks.forgetsOne, 'a thousand records, some given back, all come and none is lost'],
  ['hands out more than max', breaks.ignoresMax, 'poll answers with at most max, and at most maxPerLane of one lane'],
  [
    'forgets attempts',
    breaks.forgetsAttempts,
    'released records come again with their attempts, and are told apart from new ones',
  ],
  ['keeps its claims when closed', breaks.keepsOnClose, 'settling a lost delivery does nothing'],
  ['says that it settled and did not', breaks.settlesNothing, 'accepted and rejected records do not come again'],
  ['does not wait', breaks.answersLate, 'poll resolves as soon as it has one record'],
  ['claims while it is paused', breaks.claimsWhilePaused, 'pause stops claiming, and resume goes on'],
  ['does not tell of losses', breaks.hidesLoss, CUT_CLAIMS],
  ['does not tell of losses', breaks.hidesLoss, CUT_VERDICTS],
  ['settles a later claim by an older one', breaks.settlesLaterClaims, CUT_LOST],
  ['takes no verdict after a cut', breaks.refusesAfterCut, CUT_VERDICTS],
  ['does not end after a cut', breaks.hangsOnClose, CUT_CLOSE],
  ['does not end after a cut', breaks.hangsOnClose, AWAY_CLOSE],
  ['stays down', breaks.staysDown, RESTART],
  ['stays down', breaks.staysDown, CUT_CLAIMS],
  [
    'hands out what another has',
    breaks.readsForAll,
    'readers of one group share the records: each record is claimed by one of them',
  ],
  [
    'answers before the broker is told',
    breaks.answersBeforeItIsTold,
    'a clean close right after the last verdict repeats nothing that was settled',
  ],
]

test('the suite has nothing against a source that keeps its promises', async () => {
  assert.deepEqual(await brokenPromises(breaks.unbroken), [])
})

for (const [what, spoil, promise] of caught)
  test(`a source that ${what} is caught by: ${promise}`, async () => {
    assert.deepEqual(await brokenPromises(spoil, [promise]), [promise])
  })

test('every promise about cuts and restarts has a source that breaks it', () => {
  const promises = new Set(caught.map(([, , promise]) => promise))
  const untested = sourceCases.filter(({ promise, needs }) => needs && !promises.has(promise))
  assert.deepEqual(untested, [])
})
