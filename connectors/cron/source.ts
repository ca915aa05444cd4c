/** A schedule opened by a group: slots are claimed when they are due, or come again. */

import { sleepUnless } from '../../core/clock.ts'
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
import { MillraceError, wrapError } from '../../core/errors.ts'
import { type Bell, createBell, pollUntilFound } from '../../core/polling.ts'
import { SLOT_BEAT_MS, type SlotStore, type Slots, type SlotVerdict, type TakenSlot } from '../../core/slots.ts'
import { dueSlots } from './due.ts'
import { type ScheduleOptions, scheduleOf } from './schedule.ts'
import { nextSlot, type Schedule } from './slots.ts'
import { recordOf } from './tick.ts'

export interface Place extends Pick<Context, 'clock' | 'log' | 'random'> {
  readonly store: SlotStore
}

interface Claim {
  readonly slot: number
  readonly member: string
  readonly lost: AbortController
}

interface State {
  readonly place: Place
  readonly channel: ChannelRef
  readonly schedule: Schedule
  readonly options: ScheduleOptions
  readonly slots: Slots
  readonly claims: Map<Delivery, Claim>
  readonly bell: Bell
  member: string | undefined
  phase: 'open' | 'paused' | 'closing' | 'closed'
  /** The next slot after `last`, computed once for each. */
  next: { readonly lastMs: number; readonly slotMs: number }
  lookedAtMs: number
}

/** How often it is looked whether those who hold claims still live. */
const LOOK_EVERY_MS = 500
const LANE = '0'
const GOODBYE_MS = 3_000

export const openSource = async (place: Place, channel: ChannelRef, read: ReadOptions): Promise<Source> => {
  const { store, clock } = place
  const options = channel.options as unknown as ScheduleOptions
  const { at, every, zone } = options
  const who = { schedule: channel.name, reader: read.group, defined: JSON.stringify([at, every, zone]) }
  const state: State = {
    place,
    channel,
    schedule: scheduleOf(options),
    options,
    slots: await store.open(who, clock.now()),
    claims: new Map(),
    bell: createBell(),
    member: undefined,
    phase: 'open',
    next: { lastMs: Number.NaN, slotMs: Number.NaN },
    lookedAtMs: Number.NEGATIVE_INFINITY,
  }
  const stopTending = await tend(state)
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
      state.bell.ring()
    },
    async lag() {
      const { records, oldest } = await state.slots.unfinished()
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

const poll = (state: State, request: PollRequest): Promise<readonly Delivery[]> => {
  const { clock } = state.place
  return pollUntilFound(clock, request, {
    bell: state.bell,
    isClosed: () => isClosed(state),
    attempt: async () => (state.phase === 'open' && !request.skipLanes.has(LANE) ? attempt(state, request) : []),
    pauseMs() {
      const untilSlotMs = state.next.slotMs - clock.now()
      return untilSlotMs > 0 ? Math.min(untilSlotMs, state.slots.lookEveryMs) : state.slots.lookEveryMs
    },
  })
}

const isClosed = ({ phase }: State): boolean => phase === 'closing' || phase === 'closed'

const attempt = async (state: State, request: PollRequest): Promise<readonly Delivery[]> => {
  const { place, channel, schedule, slots, options } = state
  const { clock } = place
  const nowMs = clock.now()
  const seen = await slots.look(nowMs)
  const isDue = await enterDue(state, seen.lastMs, nowMs)
  const looks = seen.others && clock.monotonic() - state.lookedAtMs >= LOOK_EVERY_MS
  if (!isDue && !seen.ready && !looks) return []
  state.lookedAtMs = clock.monotonic()
  const bytes = recordOf(channel, schedule.zone, nowMs).body?.length ?? 1
  const max = Math.min(request.max, request.maxPerLane, Math.max(1, Math.ceil(request.maxBytes / bytes)))
  const turn = await slots.take({ max, nowMs, overlap: options.overlap })
  if (state.member !== undefined && turn.member !== state.member) loseAll(state)
  state.member = turn.member
  if (!isClosed(state)) return turn.taken.map(taken => deliver(state, taken))
  // What was taken while it closed goes back at once.
  await slots.settle(turn.taken.map(taken => ({ ...taken, outcome: 'back', due: 0 })))
  return []
}

/** Writes down what came due since; whether that was anything. */
const enterDue = async (state: State, lastMs: number, nowMs: number): Promise<boolean> => {
  if (nextAfter(state, lastMs) > nowMs) return false
  const { place, channel, schedule, options, slots } = state
  const { missed, overlap, maxWaiting: max, jitter } = options
  const due = dueSlots(schedule, { lastMs, nowMs }, missed)
  const skipped = await slots.enter({
    lastMs,
    untilMs: nowMs,
    slots: due.slots.map(slot => ({ slot, due: jitter === 0 ? 0 : slot + Math.floor(place.random() * jitter) })),
    overlap,
    max,
  })
  // Another was quicker, and says what there is to say.
  if (skipped === undefined) return true
  if (due.dropped === 'some')
    place.log.warn(
      `${channel.address}: slots were missed since ${new Date(lastMs).toISOString()} and will not be run`,
      { missed },
    )
  if (skipped > 0) {
    const why = overlap === 'skip' ? 'an earlier one is not finished' : `${max} are not finished (maxWaiting)`
    place.log[overlap === 'skip' ? 'info' : 'warn'](`${channel.address}: ${skipped} slot(s) left out, ${why}`, {
      skipped,
    })
  }
  return true
}

const nextAfter = (state: State, lastMs: number): number => {
  if (state.next.lastMs !== lastMs)
    state.next = { lastMs, slotMs: nextSlot(state.schedule, lastMs) ?? Number.POSITIVE_INFINITY }
  return state.next.slotMs
}

const deliver = (state: State, { slot, attempts, prior, seen, member }: TakenSlot): Delivery => {
  const lost = new AbortController()
  const delivery: Delivery = {
    record: recordOf(state.channel, state.schedule.zone, slot),
    lane: LANE,
    attempts,
    firstSeen: seen,
    priorDeliveries: prior,
    lost: lost.signal,
  }
  state.claims.set(delivery, { slot, member, lost })
  return delivery
}

const settleAll = async (state: State, settlements: readonly Settlement[]): Promise<readonly Unsettled[]> => {
  const nowMs = state.place.clock.now()
  const ours = settlements.flatMap(verdict => {
    const claim = state.claims.get(verdict.delivery)
    return claim ? [{ delivery: verdict.delivery, claim, verdict: slotVerdict(claim, verdict, nowMs) }] : []
  })
  if (ours.length === 0) return []
  try {
    const held = await state.slots.settle(ours.map(({ verdict }) => verdict))
    for (const [index, { delivery, claim }] of ours.entries()) {
      state.claims.delete(delivery)
      if (!held[index]) claim.lost.abort()
    }
    state.bell.ring()
    return []
  } catch (error) {
    const failed = wrapError('SETTLE_FAILED', state.channel.address, error)
    return ours.map(({ delivery }) => ({ delivery, error: failed }))
  }
}

const slotVerdict = ({ slot, member }: Claim, verdict: Settlement, nowMs: number): SlotVerdict =>
  verdict.outcome === 'released' || verdict.outcome === 'deferred'
    ? {
        slot,
        member,
        outcome: 'back',
        attempts: verdict.attempts,
        due: verdict.outcome === 'deferred' ? Math.ceil(nowMs + verdict.delayMs) : 0,
      }
    : { slot, member, outcome: 'done', attempts: 0, due: 0 }

const loseAll = ({ claims }: State): void => {
  for (const { lost } of claims.values()) lost.abort()
  claims.clear()
}

/**
 * Enters slots when they are due, whether or not there is credit to claim them: a slot that comes while another runs is not
 * one that was missed. While the source is paused nothing is entered.
 */
const tend = async (state: State): Promise<() => void> => {
  const { clock, log } = state.place
  const { slots } = state
  let cancel = (): void => {}
  let beatAtMs = clock.monotonic() + SLOT_BEAT_MS
  const run = async (): Promise<void> => {
    const nowMs = clock.now()
    try {
      if (clock.monotonic() >= beatAtMs) {
        beatAtMs = clock.monotonic() + SLOT_BEAT_MS
        await slots.beat(nowMs)
      }
      const { lastMs } = await slots.look(nowMs)
      const isDue = state.phase === 'open' && (await enterDue(state, lastMs, nowMs))
      nextAfter(state, isDue ? (await slots.look(nowMs)).lastMs : lastMs)
    } catch (error) {
      log.warn(`${state.channel.address}: slots that are due could not be written down`, { error })
    }
    if (!isClosed(state)) arm()
  }
  const arm = (): void => {
    const untilSlotMs = state.next.slotMs - clock.now()
    const untilBeatMs = Math.max(1, beatAtMs - clock.monotonic())
    cancel = clock.after(untilSlotMs > 0 ? Math.min(untilSlotMs, untilBeatMs) : untilBeatMs, () => void run())
  }
  nextAfter(state, (await slots.look(0)).lastMs)
  arm()
  return () => cancel()
}

const close = async (state: State, stopTending: () => void): Promise<void> => {
  state.phase = 'closing'
  stopTending()
  loseAll(state)
  state.bell.ring()
  const left = state.slots.leave().catch(error => {
    state.place.log.warn(
      `${state.channel.address}: what was claimed could not be given back; others have it in a while`,
      {
        error,
      },
    )
  })
  // A server that is away keeps nobody waiting.
  await sleepUnless(state.place.clock, GOODBYE_MS, left)
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
