/** A schedule opened by a group: slots are claimed when they are due, or come again. */

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
import { MillraceError, wrapError } from '../../core/errors.ts'
import { peek, settle, type Taken, unfinished } from './claims.ts'
import { BEAT_EVERY_MS, beat, dismiss, goneMembers, join } from './members.ts'
import { type ScheduleOptions, scheduleOf } from './schedule.ts'
import { nextSlot } from './slots.ts'
import { openReader } from './tables.ts'
import { recordOf } from './tick.ts'
import { type Entered, enter, type Reading, takeTurn } from './turn.ts'
import { createWakes, type Wakes } from './wakes.ts'

export interface Place extends Context {
  readonly database: Database
}

interface Claim {
  readonly slot: number
  readonly member: number
  readonly lost: AbortController
}

interface State {
  readonly place: Place
  readonly channel: ChannelRef
  readonly claims: Map<Delivery, Claim>
  readonly wakes: Wakes
  reading: Reading
  phase: 'open' | 'paused' | 'closing' | 'closed'
  /** The next slot after `last`, computed once for each. */
  next: { readonly lastMs: number; readonly slotMs: number }
  lookedAtMs: number
}

/** How soon is noticed what other processes give back, and that the wall clock was set. */
const TICK_MS = 200
/** How often it is looked whether those who hold claims still live. */
const LOOK_EVERY_MS = 500
const LANE = '0'

export const openSource = async (place: Place, channel: ChannelRef, read: ReadOptions): Promise<Source> => {
  const { database, clock } = place
  const options = channel.options as unknown as ScheduleOptions
  const schedule = scheduleOf(options)
  const { at, every, zone } = options
  const who = { schedule: channel.name, reader: read.group, defined: JSON.stringify([at, every, zone]) }
  const { number: reader, member } = await database.write(() => {
    const row = openReader(database, who, clock.now())
    for (const gone of goneMembers(database, row.number, clock.now())) dismiss(database, row.number, gone, 'crashed')
    return { ...row, member: join(database, row.number, clock.now()) }
  })
  const state: State = {
    place,
    channel,
    claims: new Map(),
    wakes: createWakes(),
    reading: { reader, member, schedule, options },
    phase: 'open',
    next: { lastMs: Number.NaN, slotMs: Number.NaN },
    lookedAtMs: Number.NEGATIVE_INFINITY,
  }
  const stopTending = tend(state)
  let closing: Promise<void> | undefined
  return {
    ordered: false,
    retries: 'core',
    deferStepsMs: 'any',
    poll: request => poll(state, request),
    settle: settlements => settleAll(state, settlements),
    async pause() {
      if (state.phase === 'open') state.phase = 'paused'
    },
    async resume() {
      if (state.phase === 'paused') state.phase = 'open'
      state.wakes.wake()
    },
    async lag() {
      const { records, oldest } = database.read(() => unfinished(database, reader))
      return [{ lane: LANE, records, ...(oldest === null ? {} : { oldest }) }]
    },
    close() {
      closing ??= close(state, stopTending).catch(error => {
        closing = undefined
        throw error
      })
      return closing
    },
  }
}

const poll = async (state: State, request: PollRequest): Promise<readonly Delivery[]> => {
  const { clock } = state.place
  const endAtMs = clock.monotonic() + request.waitMs
  for (;;) {
    if (isClosed(state) || request.signal.aborted) return []
    const wakes = state.wakes.count()
    const found = state.phase === 'open' && !request.skipLanes.has(LANE) ? await attempt(state, request) : []
    const leftMs = endAtMs - clock.monotonic()
    if (found.length > 0 || leftMs <= 0) return found
    const untilSlotMs = state.next.slotMs - clock.now()
    const pauseMs = Math.min(leftMs, TICK_MS, untilSlotMs > 0 ? untilSlotMs : TICK_MS)
    await state.wakes.wait(clock, pauseMs, wakes, request.signal)
  }
}

const isClosed = ({ phase }: State): boolean => phase === 'closing' || phase === 'closed'

const attempt = async (state: State, request: PollRequest): Promise<readonly Delivery[]> => {
  const { place, reading, channel } = state
  const { database, clock } = place
  const nowMs = clock.now()
  const seen = database.read(() => peek(database, reading.reader, reading.member, nowMs))
  const isDue = nextAfter(state, seen.last) <= nowMs
  const looks = seen.others && clock.monotonic() - state.lookedAtMs >= LOOK_EVERY_MS
  if (!isDue && !seen.ready && !looks) return []
  state.lookedAtMs = clock.monotonic()
  const bytes = recordOf(channel, reading.schedule.zone, nowMs).body?.length ?? 1
  const max = Math.min(request.max, request.maxPerLane, Math.max(1, Math.ceil(request.maxBytes / bytes)))
  const turn = await database.claim(() => takeTurn(database, state.reading, { max, nowMs }))
  if (turn.member !== state.reading.member) loseAll(state)
  state.reading = { ...state.reading, member: turn.member }
  report(state, turn)
  return isClosed(state) ? [] : turn.taken.map(taken => deliver(state, taken))
}

const nextAfter = (state: State, lastMs: number): number => {
  if (state.next.lastMs !== lastMs)
    state.next = { lastMs, slotMs: nextSlot(state.reading.schedule, lastMs) ?? Number.POSITIVE_INFINITY }
  return state.next.slotMs
}

const deliver = (state: State, { slot, attempts, prior, seen }: Taken): Delivery => {
  const lost = new AbortController()
  const delivery: Delivery = {
    record: recordOf(state.channel, state.reading.schedule.zone, slot),
    lane: LANE,
    attempts,
    firstSeen: seen,
    priorDeliveries: prior,
    lost: lost.signal,
  }
  state.claims.set(delivery, { slot, member: state.reading.member, lost })
  return delivery
}

const report = ({ place, channel, reading: { options } }: State, { dropped, skipped, lastMs }: Entered): void => {
  const since = new Date(lastMs).toISOString()
  if (dropped === 'some')
    place.log.warn(`${channel.address}: slots were missed since ${since} and will not be run`, {
      missed: options.missed,
    })
  if (skipped > 0)
    place.log.info(`${channel.address}: ${skipped} slot(s) left out, an earlier one is not finished`, { skipped })
}

const settleAll = async (state: State, settlements: readonly Settlement[]): Promise<readonly Unsettled[]> => {
  const { database, clock } = state.place
  const ours = settlements.flatMap(verdict => {
    const claim = state.claims.get(verdict.delivery)
    return claim ? [{ verdict, claim }] : []
  })
  if (ours.length === 0) return []
  try {
    const held = await database.write(() =>
      ours.map(({ verdict, claim }) =>
        settle(database, { ...claim, reader: state.reading.reader }, verdict, clock.now()),
      ),
    )
    for (const [index, { verdict, claim }] of ours.entries()) {
      state.claims.delete(verdict.delivery)
      if (!held[index]) claim.lost.abort()
    }
    state.wakes.wake()
    return []
  } catch (error) {
    const failed = wrapError('SETTLE_FAILED', state.channel.address, error)
    return ours.map(({ verdict: { delivery } }) => ({ delivery, error: failed }))
  }
}

const loseAll = ({ claims }: State): void => {
  for (const { lost } of claims.values()) lost.abort()
  claims.clear()
}

/**
 * Enters slots when they are due, whether or not there is credit to claim them: a slot that comes while another runs is not
 * one that was missed. While the source is paused nothing is entered.
 */
const tend = (state: State): (() => void) => {
  const { database, clock, log } = state.place
  let cancel = (): void => {}
  const run = async (): Promise<void> => {
    const nowMs = clock.now()
    try {
      const isDue = state.phase === 'open' && state.next.slotMs <= nowMs
      const entered = await database.claim(() => {
        beat(database, state.reading.member, nowMs)
        return isDue ? enter(database, state.reading, nowMs) : undefined
      })
      if (entered) report(state, entered)
      nextAfter(state, database.read(() => peek(database, state.reading.reader, 0, nowMs)).last)
    } catch (error) {
      log.warn(`${state.channel.address}: slots that are due could not be written down`, { error })
    }
    if (!isClosed(state)) arm()
  }
  const arm = (): void => {
    const untilSlotMs = state.next.slotMs - clock.now()
    const waitMs = untilSlotMs > 0 && untilSlotMs < BEAT_EVERY_MS ? untilSlotMs : BEAT_EVERY_MS
    cancel = clock.after(waitMs, () => void run())
  }
  nextAfter(state, database.read(() => peek(database, state.reading.reader, 0, 0)).last)
  arm()
  return () => cancel()
}

const close = async (state: State, stopTending: () => void): Promise<void> => {
  const { database } = state.place
  state.phase = 'closing'
  stopTending()
  loseAll(state)
  state.wakes.wake()
  await database.claim(() => dismiss(database, state.reading.reader, state.reading.member, 'closed'))
  state.phase = 'closed'
}

/** Nothing can be sent to a schedule. */
export const cannotSend = ({ address }: ChannelRef): MillraceError =>
  new MillraceError(
    'SEND_INVALID',
    `${address} is a schedule, to which nothing can be sent; send to a queue or topic`,
    {
      fatal: true,
    },
  )
