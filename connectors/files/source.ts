/** A watched folder opened by a group: changes are claimed when they were found, or come again. */

import type {
  ChannelRef,
  Context,
  Delivery,
  PollRequest,
  ReadOptions,
  Settlement,
  Source,
  Unsettled,
} from '../../core/contract.ts'
import type { Database } from '../../core/database.ts'
import { wrapError } from '../../core/errors.ts'
import { BEAT_EVERY_MS } from '../../core/members.ts'
import { type Bell, createBell, pollUntilFound } from '../../core/polling.ts'
import { apply } from './apply.ts'
import { recordOf } from './change.ts'
import type { Happened } from './channel.ts'
import { dismiss, dismissGone, peek, settle, type Taken, take, unsettled } from './claims.ts'
import { createGrowing } from './complete.ts'
import { type Destinations, finishMoves } from './moves.ts'
import { markBegun, members, type Observed, openReader } from './tables.ts'
import type { Wanted } from './wanted.ts'
import { startWatching, type Watching } from './watching.ts'

export interface Place extends Context {
  readonly database: Database
}

export interface Folder {
  readonly channel: ChannelRef
  readonly read: ReadOptions
  readonly root: Buffer
  readonly wanted: Wanted
  readonly events: readonly Happened[]
  readonly destinations: Destinations
  readonly stableMs: number
  readonly lookEveryMs: number
  /** Bytes. */
  readonly hashUpTo: number
}

interface Claim {
  readonly change: Taken
  readonly member: number
  readonly lost: AbortController
}

interface State {
  readonly place: Place
  readonly folder: Folder
  readonly reader: number
  readonly claims: Map<Delivery, Claim>
  member: number
  readonly bell: Bell
  phase: 'open' | 'paused' | 'closed'
  lookedAtMs: number
}

/** How soon is noticed what other processes found or give back. */
const TICK_MS = 200
/** How often it is looked whether those who hold claims still live. */
const LOOK_EVERY_MS = 500
const LANE = '0'
/** About what a record has. */
const BODY_BYTES = 250

export const openSource = async (place: Place, folder: Folder): Promise<Source> => {
  const { database, clock } = place
  const { channel, read, root } = folder
  const who = { channel: channel.name, folder: root.toString('latin1'), reader: read.group }
  const {
    number: reader,
    begun,
    member,
  } = await database.write(() => {
    const row = openReader(database, who)
    dismissGone(database, row.number, clock.now())
    return { ...row, member: members.join(database, row.number, clock.now()) }
  })
  const state: State = {
    place,
    folder,
    reader,
    member,
    claims: new Map(),
    bell: createBell(),
    phase: 'open',
    lookedAtMs: Number.NEGATIVE_INFINITY,
  }
  const watching = watchFor(state, begun === 1)
  // With another start, what is there now has to be known before anything that comes is told.
  if (begun === 0 && read.start !== 'earliest') await watching.first
  const stopBeating = beat(state)
  let closing: Promise<void> | undefined
  return {
    ordered: false,
    retries: 'core',
    deferStepsMs: 'any',
    poll: request => poll(state, request),
    settle: settlements => settleAll(state, settlements, watching),
    async pause() {
      if (state.phase === 'open') state.phase = 'paused'
    },
    async resume() {
      if (state.phase === 'paused') state.phase = 'open'
      state.bell.ring()
    },
    async lag() {
      const { records, oldest } = database.read(() => unsettled(database, reader))
      return [{ lane: LANE, records, ...(oldest === null ? {} : { oldest }) }]
    },
    close() {
      closing ??= close(state, watching, stopBeating)
      return closing
    },
  }
}

const watchFor = (state: State, begun: boolean): Watching => {
  const { place, folder, reader } = state
  const { database, clock, log } = place
  let phase: 'first' | 'later' = begun ? 'later' : 'first'
  const { start } = folder.read
  const tells = (observed: Observed): boolean =>
    phase === 'later' ||
    start === 'earliest' ||
    (typeof start === 'number' && observed.state === 'there' && observed.mtime >= start)
  const write = (observed: readonly Observed[]): Promise<number> =>
    database.write(() => apply(database, observed, { reader, events: folder.events, nowMs: clock.now(), tells }))
  const watching = startWatching({
    walking: {
      root: folder.root,
      wanted: folder.wanted,
      growing: createGrowing(folder.stableMs),
      hashUpTo: folder.hashUpTo,
      database,
      reader,
      now: () => ({ wallMs: clock.now(), monotonicMs: clock.monotonic() }),
      log: log.with({ source: folder.channel.address }),
      refused: new Set(),
    },
    clock,
    log: log.with({ source: folder.channel.address }),
    lookEveryMs: folder.lookEveryMs,
    async onObserved(observed) {
      if ((await write(observed)) > 0) state.bell.ring()
    },
    async onLooked() {
      if (phase === 'first') await database.write(() => markBegun(database, reader))
      phase = 'later'
      await moveOn(state, watching)
    },
  })
  return watching
}

const moveOn = async ({ place, folder, reader }: State, watching: Watching): Promise<void> => {
  const { root, destinations } = folder
  if (destinations.done === undefined && destinations.failed === undefined) return
  const stayed = await finishMoves({ root, destinations, reader, database: place.database, log: place.log })
  for (const path of stayed) watching.lookAt(path)
}

const poll = (state: State, request: PollRequest): Promise<readonly Delivery[]> =>
  pollUntilFound(state.place.clock, request, {
    bell: state.bell,
    isClosed: () => state.phase === 'closed',
    attempt: async () => (state.phase === 'open' && !request.skipLanes.has(LANE) ? attempt(state, request) : []),
    pauseMs: () => TICK_MS,
  })

const attempt = async (state: State, request: PollRequest): Promise<readonly Delivery[]> => {
  const { place, reader } = state
  const { database, clock } = place
  const nowMs = clock.now()
  const seen = database.read(() => peek(database, reader, state.member, nowMs))
  const looks = seen.others && clock.monotonic() - state.lookedAtMs >= LOOK_EVERY_MS
  if (!seen.ready && !looks) return []
  state.lookedAtMs = clock.monotonic()
  const max = Math.min(request.max, request.maxPerLane, Math.max(1, Math.ceil(request.maxBytes / BODY_BYTES)))
  const { member, taken } = await database.claim(() => {
    // Taken for dead, it holds nothing any more.
    const own = members.isMember(database, state.member) ? state.member : members.join(database, reader, nowMs)
    dismissGone(database, reader, nowMs)
    return { member: own, taken: take(database, { reader, member: own }, { max, nowMs }) }
  })
  if (member !== state.member) loseAll(state)
  state.member = member
  return isClosed(state) ? [] : taken.map(change => deliver(state, change))
}

const isClosed = ({ phase }: State): boolean => phase === 'closed'

const deliver = (state: State, change: Taken): Delivery => {
  const lost = new AbortController()
  const delivery: Delivery = {
    record: recordOf(state.folder.channel, state.folder.root, change),
    lane: LANE,
    attempts: change.attempts,
    firstSeen: change.seen,
    priorDeliveries: change.prior,
    lost: lost.signal,
  }
  state.claims.set(delivery, { change, member: state.member, lost })
  return delivery
}

const settleAll = async (
  state: State,
  settlements: readonly Settlement[],
  watching: Watching,
): Promise<readonly Unsettled[]> => {
  const { database, clock } = state.place
  const ours = settlements.flatMap(verdict => {
    const claim = state.claims.get(verdict.delivery)
    return claim ? [{ verdict, claim, move: moveFor(state, claim, verdict) }] : []
  })
  if (ours.length === 0) return []
  try {
    const held = await database.write(() =>
      ours.map(({ verdict, claim: { change, member }, move }) =>
        settle(database, { number: change.number, member, verdict, move }, clock.now()),
      ),
    )
    for (const [index, { verdict, claim }] of ours.entries()) {
      state.claims.delete(verdict.delivery)
      if (!held[index]) claim.lost.abort()
    }
    if (ours.some(({ move }) => move !== undefined)) await moveOn(state, watching)
    state.bell.ring()
    return []
  } catch (error) {
    const failed = wrapError('SETTLE_FAILED', state.folder.channel.address, error)
    return ours.map(({ verdict: { delivery } }) => ({ delivery, error: failed }))
  }
}

const moveFor = ({ folder }: State, { change }: Claim, { outcome }: Settlement): 'done' | 'failed' | undefined => {
  if (change.event === 'removed') return undefined
  if (outcome === 'accepted') return folder.destinations.done === undefined ? undefined : 'done'
  return outcome === 'rejected' && folder.destinations.failed !== undefined ? 'failed' : undefined
}

const loseAll = ({ claims }: State): void => {
  for (const { lost } of claims.values()) lost.abort()
  claims.clear()
}

const beat = (state: State): (() => void) => {
  const { database, clock, log } = state.place
  let cancel = (): void => {}
  const run = async (): Promise<void> => {
    await database
      .claim(() => members.beat(database, state.member, clock.now()))
      .catch(error => log.warn(`${state.folder.channel.address}: its reader could not say that it lives`, { error }))
    if (!isClosed(state)) arm()
  }
  const arm = (): void => {
    cancel = clock.after(BEAT_EVERY_MS, () => void run())
  }
  arm()
  return () => cancel()
}

const close = async (state: State, watching: Watching, stopBeating: () => void): Promise<void> => {
  const { database } = state.place
  state.phase = 'closed'
  stopBeating()
  loseAll(state)
  state.bell.ring()
  await watching.close()
  await database.claim(() => dismiss(database, state.reader, state.member, 'closed'))
}
