/**
 * The source of an outbox. What is claimed stands in the table; in memory is only which deliveries are still open, so that
 * their leases are renewed while functions run, and so that one taken away says so.
 */
import { type Clock, sleepUnless } from '../../core/clock.ts'
import type { ChannelRef, Delivery, Lag, PollRequest, Settlement, Source, Unsettled } from '../../core/contract.ts'
import { errorInfo } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { type Bell, createBell, pollUntilFound } from '../../core/polling.ts'
import type { Postgres } from '../../core/postgres.ts'
import { postgresError } from '../../core/postgres-failure.ts'
import { type Claiming, claim, type RowVerdict, releaseOthers, settle, type TakenRow, unsettled } from './claims.ts'
import { createKeeping, type Held, type Keeping } from './keeping.ts'
import type { News } from './news.ts'
import { recordOfRow } from './record.ts'

export interface Place {
  readonly postgres: Postgres
  readonly clock: Clock
  readonly log: Log
  readonly news: News | undefined
}

export interface OutboxReading {
  readonly channel: ChannelRef
  readonly claiming: Claiming
  readonly tableOid: string
  /** Milliseconds. */
  readonly lookEveryMs: number
}

interface State extends OutboxReading {
  readonly place: Place
  readonly keeping: Keeping
  readonly bell: Bell
  phase: 'open' | 'paused' | 'closed'
  /** By the monotonic clock: the next of those that were put off here. */
  dueAtMs: number
  /** Whether a claim may have been made whose answer was lost. */
  doubt: 'no' | 'yes'
}

/** All rows are one lane: by key, no second row of a key is handed out while the first one is not settled. */
const LANE = '0'
const CLAIM = Symbol('outbox claim')
/** A server that is away keeps nobody waiting for longer: leases end by themselves. */
const GOODBYE_MS = 3_000

interface Claimed extends Delivery {
  readonly [CLAIM]: Held
}

export const openOutbox = (place: Place, reading: OutboxReading): Source => {
  const state: State = {
    ...reading,
    place,
    keeping: createKeeping(place, reading),
    bell: createBell(),
    phase: 'open',
    dueAtMs: Number.POSITIVE_INFINITY,
    doubt: 'no',
  }
  const unsubscribe = place.news?.subscribe(reading.tableOid, state.bell.ring)
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
    lag: () => lag(state),
    close() {
      unsubscribe?.()
      closing ??= close(state)
      return closing
    },
  }
}

const poll = (state: State, request: PollRequest): Promise<readonly Delivery[]> =>
  pollUntilFound(state.place.clock, request, {
    bell: state.bell,
    isClosed: () => state.phase === 'closed',
    attempt: async () => (state.phase === 'open' && !request.skipLanes.has(LANE) ? attempt(state, request) : []),
    pauseMs: () => untilLookMs(state),
  })

/** What others give back and put off is found by looking; when a row of our own is due is known. */
const untilLookMs = (state: State): number => {
  const leftMs = state.dueAtMs - state.place.clock.monotonic()
  if (leftMs <= 0) state.dueAtMs = Number.POSITIVE_INFINITY
  return leftMs > 0 ? Math.min(leftMs, state.lookEveryMs) : state.lookEveryMs
}

const attempt = async (state: State, request: PollRequest): Promise<readonly Delivery[]> => {
  const { place, claiming, keeping, channel } = state
  try {
    // By a statement whose answer was lost, perhaps.
    if (state.doubt === 'yes') await releaseOthers(place.postgres, claiming, keeping.ids())
    state.doubt = 'yes'
    const askedAtMs = place.clock.monotonic()
    const max = Math.min(request.max, request.maxPerLane)
    const rows = await claim(place.postgres, claiming, { max, maxBytes: request.maxBytes })
    state.doubt = 'no'
    const deliveries = rows.map(row => deliver(state, row, askedAtMs))
    if (state.phase !== 'closed' && !request.signal.aborted) return deliveries
    await settleAll(
      state,
      deliveries.map(delivery => ({ delivery, outcome: 'released', attempts: delivery.attempts })),
    )
    return []
  } catch (thrown) {
    throw postgresError('SOURCE_FAILED', `reading ${channel.address}`, thrown)
  }
}

const deliver = ({ channel, claiming, keeping }: State, row: TakenRow, askedAtMs: number): Delivery => {
  const held = keeping.add(row.id, askedAtMs)
  const delivery: Claimed = {
    record: recordOfRow({ table: claiming.table.name, address: channel.address }, row),
    lane: LANE,
    attempts: row.attempts,
    firstSeen: Math.floor(row.first_ms),
    priorDeliveries: row.claims,
    lost: held.lost.signal,
    [CLAIM]: held,
  }
  return delivery
}

const settleAll = async (state: State, settlements: readonly Settlement[]): Promise<readonly Unsettled[]> => {
  const { place, claiming, keeping, channel } = state
  const ours = settlements.flatMap((verdict): readonly (RowVerdict & { readonly held: Held })[] => {
    const held = (verdict.delivery as Partial<Claimed>)[CLAIM]
    return held && keeping.has(held) ? [{ id: held.id, held, verdict }] : []
  })
  if (ours.length === 0) return []
  try {
    const settled = await settle(place.postgres, claiming, ours)
    for (const { id, held } of ours) {
      keeping.drop(held)
      // Another has it by now; or an earlier call settled it whose answer was lost, which comes to the same.
      if (!settled.has(id)) held.lost.abort()
    }
    const nowMs = place.clock.monotonic()
    for (const { verdict } of ours)
      if (verdict.outcome === 'deferred') state.dueAtMs = Math.min(state.dueAtMs, nowMs + verdict.delayMs)
    state.bell.ring()
    return []
  } catch (thrown) {
    const error = postgresError('SETTLE_FAILED', `settling records of ${channel.address}`, thrown)
    return ours.map(({ verdict: { delivery } }) => ({ delivery, error }))
  }
}

const lag = async ({ place, claiming }: State): Promise<readonly Lag[]> => {
  const { records, oldest } = await unsettled(place.postgres, claiming.table)
  return [{ lane: LANE, records, ...(oldest === null ? {} : { oldest }) }]
}

const close = async (state: State): Promise<void> => {
  const { place, claiming, keeping, channel } = state
  state.phase = 'closed'
  state.bell.ring()
  keeping.close()
  const told = releaseOthers(place.postgres, claiming, []).catch((error: unknown) => {
    place.log.warn(`${channel.address}: what was claimed could not be given back; it is free after claimTimeout`, {
      error: errorInfo(error),
    })
  })
  await sleepUnless(place.clock, GOODBYE_MS, told)
}
