/** A simulated broker that keeps the promises of DESIGN section 5, and its records over the ends of processes. */
import type { Delivery, PollRequest, Settlement } from '../../core/contract.ts'
import { fateOf } from './filters.ts'
import type { Planned } from './scenario.ts'
import type { Host, World } from './world.ts'

export interface Stored {
  readonly planned: Planned
  state: 'ready' | 'claimed' | 'done'
  attempts: number
  firstSeen: number | undefined
  /** Claims that ended without a verdict. */
  prior: number
  /** Virtual milliseconds before which it is not delivered. */
  dueMs: number
  claim: Claim | undefined
}

export interface Claim {
  readonly session: Session
  readonly stored: Stored
  readonly delivery: Delivery
  readonly lost: AbortController
}

/** Of the time for which a source can keep a claim, and what handing it back may take. */
const GIVEN_BACK_BY = 0.8
const LOOK = 0.05
const GIVING_BACK_MS = 2_000

/** One opened source. */
export interface Session {
  readonly host: Host
  state: 'open' | 'paused' | 'closed'
  /** Virtual milliseconds at which it was told to close. */
  closingMs: number
  readonly claims: Set<Claim>
}

export interface Broker {
  readonly lanes: ReadonlyMap<string, readonly Stored[]>
  readonly backlog: number
  produce(planned: Planned, replayOf?: string): void
  take(session: Session, request: PollRequest): readonly Delivery[]
  settle(session: Session, settlements: readonly Settlement[]): void
  /** The answer to this settle was lost: settling the same again is no mistake. */
  excuse(settlements: readonly Settlement[]): void
  /** Ends claims without a verdict: handed out and closed, or never handed out. */
  takeBack(session: Session, how: 'closed' | 'given back'): void
  /** A process ended: its claims are lost, and nothing it still says counts. */
  endHost(host: Host): void
  /** All claims are lost at once. */
  loseAll(): void
  /** Nothing is delivered from any lane until then. */
  moveAway(untilMs: number): void
  /** Calls back once when something may be delivered that could not before. */
  onChange(run: () => void): () => void
}

export const createBroker = (world: World): Broker => {
  const { ledger, scenario } = world
  const lanes = new Map<string, Stored[]>()
  const waiting = new Set<() => void>()
  const claimOf = new WeakMap<Delivery, Claim>()
  const settledOnce = new WeakMap<Delivery, Settlement['outcome']>()
  const excused = new WeakSet<Delivery>()
  const replays = new Map<string, string>()
  /** The store has taken note of its wait; not of a replay's. */
  const remembersWait = ({ replayOf }: Delivery): boolean =>
    replayOf === undefined && !scenario.faults.some(({ kind }) => kind.startsWith('store'))
  let awayUntilMs = 0

  const changed = (): void => {
    for (const run of [...waiting]) run()
  }
  const wakeAt = (atMs: number): void => void world.clock.after(Math.max(0, atMs - world.clock.monotonic()), changed)

  const free = (claim: Claim, changes: Partial<Stored>): void => {
    claim.session.claims.delete(claim)
    Object.assign(claim.stored, { state: 'ready', claim: undefined }, changes)
    wakeAt(claim.stored.dueMs)
  }
  const loseClaim = (claim: Claim, how: 'lost' | 'closed' | 'given back'): void => {
    const account = ledger.account(claim.stored.planned.id)
    // What ended while its source was being closed had been lost to the mapping before.
    const isLost = how === 'lost' || account.ranUntil >= claim.session.closingMs
    account.disturbed = isLost ? 'yes' : account.disturbed
    account.losses += 1
    if (isLost || !remembersWait(claim.delivery)) account.notBefore = 0
    free(claim, how === 'given back' ? {} : { prior: claim.stored.prior + 1 })
    claim.lost.abort()
  }

  /** What only waits is given back in time, if nothing keeps it from that. */
  const watchAge = (made: Claim): void => {
    const { maxClaimMs, faults } = scenario
    if (maxClaimMs === undefined || faults.some(({ kind }) => /^(?:settle|store|open|poll) /.test(kind))) return
    const { planned } = made.stored
    world.clock.after(GIVEN_BACK_BY * maxClaimMs + GIVING_BACK_MS, () => {
      const { running, ranUntil } = ledger.account(planned.id)
      const waits = running === 0 && world.nowMs() - ranUntil > LOOK * maxClaimMs + GIVING_BACK_MS
      if (made.stored.claim === made && waits && made.session.host.alive === 'yes')
        ledger.violate(`${planned.id} waits longer than the source can keep its claim`)
    })
  }

  const claim = (session: Session, stored: Stored): Delivery => {
    const lost = new AbortController()
    const { planned } = stored
    const replayOf = replays.get(planned.id)
    stored.firstSeen ??= world.clock.now()
    const delivery: Delivery = {
      record: {
        id: planned.id,
        idStrength: 'stable',
        source: 'sim/records',
        time: world.clock.now() - world.nowMs() + planned.atMs,
        key: planned.key,
        headers: [],
        body: new Uint8Array(planned.bytes),
      },
      lane: planned.lane,
      attempts: stored.attempts,
      firstSeen: stored.firstSeen,
      priorDeliveries: stored.prior,
      lost: lost.signal,
      ...(replayOf === undefined ? {} : { replayOf }),
    }
    const made: Claim = { session, stored, delivery, lost }
    Object.assign(stored, { state: 'claimed', claim: made })
    claimOf.set(delivery, made)
    session.claims.add(made)
    watchAge(made)
    return delivery
  }

  const finish = (found: Claim, outcome: 'accepted' | 'rejected'): void => {
    const account = ledger.account(found.stored.planned.id)
    if (outcome === 'accepted' && account.processed === 0 && fateOf(scenario, account.planned) !== 'filtered')
      ledger.violate(`${account.planned.id} was accepted before it was processed`)
    if (outcome === 'rejected' && account.parkedAs === undefined)
      ledger.violate(`${account.planned.id} was rejected before the store had it`)
    account.settledAs = outcome
    found.session.claims.delete(found)
    Object.assign(found.stored, { state: 'done', claim: undefined })
  }

  const settleOne = (settlement: Settlement): Claim | undefined => {
    const { delivery, outcome } = settlement
    const found = claimOf.get(delivery)
    ledger.note(`settle ${delivery.record.id} ${outcome}`)
    if (found?.stored.claim !== found || !found) {
      if (settledOnce.has(delivery) && !excused.has(delivery)) ledger.violate(`${delivery.record.id} was settled twice`)
      return undefined
    }
    settledOnce.set(delivery, outcome)
    if (outcome === 'accepted' || outcome === 'rejected') finish(found, outcome)
    else {
      const account = ledger.account(delivery.record.id)
      if (outcome === 'released') account.freeWait = undefined
      const dueMs = outcome === 'deferred' ? world.clock.monotonic() + settlement.delayMs : 0
      if (!remembersWait(delivery)) account.notBefore = Math.min(account.notBefore, Math.floor(dueMs))
      free(found, { attempts: settlement.attempts, dueMs })
    }
    return outcome === 'released' && scenario.source === 'stream' ? found : undefined
  }

  return {
    lanes,
    get backlog() {
      return [...lanes.values()].flat().filter(stored => stored.state !== 'done').length
    },
    produce(planned, replayOf) {
      if (replayOf !== undefined) replays.set(planned.id, replayOf)
      const lane = lanes.get(planned.lane) ?? []
      lane.push({ planned, state: 'ready', attempts: 0, firstSeen: undefined, prior: 0, dueMs: 0, claim: undefined })
      lanes.set(planned.lane, lane)
      changed()
    },
    take(session, request) {
      if (session.state !== 'open' || world.nowMs() < awayUntilMs) return []
      const taken = choose(lanes, request, world.clock.monotonic(), scenario.source)
      return taken.map(stored => claim(session, stored))
    },
    settle(session, settlements) {
      if (session.state === 'closed') return
      const released = settlements.map(settleOne).filter(found => found !== undefined)
      for (const { stored } of released)
        for (const after of [...session.claims])
          if (after.stored.planned.lane === stored.planned.lane && after.stored.planned.place > stored.planned.place)
            loseClaim(after, 'given back')
    },
    excuse(settlements) {
      for (const { delivery } of settlements) excused.add(delivery)
    },
    takeBack(session, how) {
      for (const each of [...session.claims]) loseClaim(each, how)
    },
    endHost(host) {
      for (const session of sessionsOf(lanes)) {
        if (session.host !== host) continue
        session.state = 'closed'
        for (const each of [...session.claims]) loseClaim(each, 'lost')
      }
    },
    loseAll() {
      for (const session of sessionsOf(lanes)) for (const each of [...session.claims]) loseClaim(each, 'lost')
    },
    moveAway(untilMs) {
      awayUntilMs = untilMs
      wakeAt(untilMs)
    },
    onChange(run) {
      waiting.add(run)
      return () => waiting.delete(run)
    },
  }
}

/** Those that have a claim. */
const sessionsOf = (lanes: ReadonlyMap<string, readonly Stored[]>): ReadonlySet<Session> =>
  new Set([...lanes.values()].flat().flatMap(({ claim }) => (claim ? [claim.session] : [])))

/** Lane by lane in order; a stream goes on behind what is claimed, which is at its beginning. */
const choose = (
  lanes: ReadonlyMap<string, readonly Stored[]>,
  request: PollRequest,
  now: number,
  source: 'stream' | 'queue',
): readonly Stored[] => {
  const taken: Stored[] = []
  let bytes = 0
  for (const [lane, records] of lanes) {
    if (request.skipLanes.has(lane)) continue
    const ready = records.filter(({ state }) => state === 'ready')
    if (source === 'queue') ready.sort((one, other) => one.dueMs - other.dueMs)
    let ofLane = 0
    for (const stored of ready) {
      if (stored.dueMs > now && source === 'stream') break
      if (stored.dueMs > now) continue
      if (taken.length >= request.max || ofLane >= request.maxPerLane || bytes >= request.maxBytes) break
      taken.push(stored)
      ofLane += 1
      bytes += stored.planned.bytes
    }
  }
  return taken
}
