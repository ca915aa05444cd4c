/** A source on the simulated broker, with latencies and the faults of its connection. */
import type { Delivery, JointWrite, PollRequest, Settlement, Source, Unsettled } from '../../core/contract.ts'
import { MillraceError } from '../../core/errors.ts'
import type { Broker, Session } from './broker.ts'
import type { Host, World } from './world.ts'

/** Identity of the database that the broker and the store share where they do. */
export const DATABASE = {}

export const openSource = async (world: World, broker: Broker, host: Host): Promise<Source> => {
  await host.latency(world.scenario.settleMs)
  if (world.isOn('open fails')) throw new MillraceError('SOURCE_FAILED', 'the simulated broker is not there')
  const session: Session = { host, state: 'open', closingMs: Number.POSITIVE_INFINITY, claims: new Set() }
  world.ledger.note(`${host.name} opens`)
  return {
    ordered: world.scenario.source === 'stream',
    retries: 'core',
    deferStepsMs: world.scenario.deferStepsMs,
    ...(world.scenario.maxClaimMs === undefined ? {} : { maxClaimMs: world.scenario.maxClaimMs }),
    poll: request => poll(world, broker, session, request),
    settle: settlements => settle(world, broker, session, settlements),
    ...(world.scenario.store === 'joint' ? { settleWithin: list => jointWrite(world, broker, session, list) } : {}),
    async pause() {
      if (session.state === 'open') session.state = 'paused'
    },
    async resume() {
      if (session.state === 'paused') session.state = 'open'
    },
    async close() {
      if (session.state === 'closed') return
      session.closingMs = Math.min(session.closingMs, world.nowMs())
      await host.latency(world.scenario.settleMs)
      session.state = 'closed'
      broker.takeBack(session, 'closed')
    },
  }
}

const poll = async (
  world: World,
  broker: Broker,
  session: Session,
  request: PollRequest,
): Promise<readonly Delivery[]> => {
  const { host } = session
  await host.guard('polling')
  checkCredit(world, session, request)
  if (world.isOn('poll hangs')) return new Promise(() => {})
  const endMs = host.clock.monotonic() + request.waitMs
  for (;;) {
    const taken = request.signal.aborted ? [] : broker.take(session, request)
    if (taken.length > 0 && world.isOn('poll fails')) {
      // What a failed poll did claim, the source finds again by itself.
      broker.takeBack({ ...session, claims: claimsOf(session, taken) }, 'given back')
      for (const claim of [...session.claims]) if (claim.stored.claim !== claim) session.claims.delete(claim)
      await host.latency(world.scenario.settleMs)
      throw new MillraceError('SOURCE_FAILED', 'the simulated connection broke')
    }
    const leftMs = endMs - host.clock.monotonic()
    if (taken.length > 0 || leftMs <= 0 || request.signal.aborted || session.state === 'closed') {
      world.ledger.note(`poll ${taken.map(({ record }) => record.id).join(' ')}`)
      return taken
    }
    await changed(broker, host, leftMs, request.signal)
    await host.guard('waiting for records')
  }
}

const claimsOf = (session: Session, taken: readonly Delivery[]): Session['claims'] =>
  new Set([...session.claims].filter(({ delivery }) => taken.includes(delivery)))

const changed = (broker: Broker, host: Host, ms: number, signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    const done = (): void => {
      cancel()
      unwatch()
      resolve()
    }
    const cancel = host.clock.after(ms, done)
    const unwatch = broker.onChange(done)
    signal.addEventListener('abort', done, { once: true })
  })

/** Nobody may ask for more than would keep what is claimed within the mapping's credit. */
const checkCredit = ({ scenario: { policy }, ledger }: World, session: Session, request: PollRequest): void => {
  const share = Math.min(policy.maxInFlight, 2 * policy.batchSize)
  if (session.claims.size + request.max > policy.maxInFlight)
    ledger.violate(`${session.claims.size} claimed and ${request.max} asked for, maxInFlight is ${policy.maxInFlight}`)
  for (const [lane, claims] of Map.groupBy(session.claims, ({ stored }) => stored.planned.lane))
    if (policy.order === 'lane' && !request.skipLanes.has(lane) && claims.length + request.maxPerLane > share)
      ledger.violate(
        `${claims.length} claimed of lane ${lane} and ${request.maxPerLane} asked for, its share is ${share}`,
      )
  const bytes = [...session.claims].reduce((sum, { stored }) => sum + stored.planned.bytes, 0)
  if (bytes + request.maxBytes > policy.maxInFlightBytes)
    ledger.violate(`${bytes} bytes claimed and ${request.maxBytes} asked for, of ${policy.maxInFlightBytes}`)
}

const settle = async (
  world: World,
  broker: Broker,
  session: Session,
  settlements: readonly Settlement[],
): Promise<readonly Unsettled[]> => {
  const { host } = session
  await host.guard('settling')
  if (world.isOn('settle hangs')) return new Promise(() => {})
  await host.latency(world.scenario.settleMs)
  const error = new MillraceError('SETTLE_FAILED', 'the simulated broker refuses')
  if (world.isOn('settle fails')) throw error
  const refused = settlements.filter(() => world.isOn('settle partly') && world.random.chance(0.5))
  broker.settle(
    session,
    settlements.filter(each => !refused.includes(each)),
  )
  if (world.isOn('settle unanswered')) {
    broker.excuse(settlements)
    throw error
  }
  return refused.map(({ delivery }) => ({ delivery, error }))
}

/** One that is late is asked for again: both settle the same. */
const jointWrite = (world: World, broker: Broker, session: Session, settlements: readonly Settlement[]): JointWrite => {
  const lateFrom = world.nowMs() + world.scenario.policy.settleTimeoutMs
  return {
    database: DATABASE,
    write() {
      broker.settle(session, settlements)
      if (world.nowMs() >= lateFrom) broker.excuse(settlements)
    },
  }
}
