/**
 * Replay is a source: letters of the jobs that run go through the same flow as live records, and are parked
 * again by it when they fail again.
 *
 *   poll ── can anything be due? ── no ──▶ wait (a local request wakes at once, others are seen within 200 ms)
 *             │ yes
 *             ▼
 *        lease letters ──▶ deliveries ──▶ settle: resolved · open again · given back (now or later)
 */
import { type Clock, sleep } from '../core/clock.ts'
import type { Delivery, Lag, PollRequest, Source } from '../core/contract.ts'
import type { Log } from '../core/log.ts'
import { REPLAY_LANE, replayClaims } from './replay-claims.ts'
import { replayLook } from './replay-look.ts'
import type { ClaimRequest, ReplayStore } from './replay-store.ts'

export interface ReplayOptions {
  readonly clock: Clock
  readonly log: Log
  /** `key`: no other process replays letters of this mapping at the same time. */
  readonly order: ClaimRequest['order']
  /** How long a letter stays with a process that stopped answering but did not end. Default: 30 s. */
  readonly leaseMs?: number
}

const LEASE_MS = 30_000

/**
 * The letters of one mapping and source that jobs give to its function. Deliveries carry the record as it was parked, count attempts from
 * 0 again, and their `firstSeen` is when the replay was requested. Letters of a process that ended are taken over
 * within a second, with `priorDeliveries` raised. Polls reject with STATE_UNAVAILABLE while the store cannot be used.
 */
export const replaySource = (
  store: ReplayStore,
  mapping: string,
  source: string,
  { clock, log, order, leaseMs = LEASE_MS }: ReplayOptions,
): Source => {
  const claims = replayClaims(store, { clock, log, leaseMs })
  const look = replayLook(store, { clock, log })
  const gate = openGate(store)
  const polls = new Set<Promise<unknown>>()
  let closing: Promise<void> | undefined

  const take = async ({ max, maxPerLane, maxBytes }: PollRequest): Promise<readonly Delivery[]> => {
    const letters = await look.claim({
      mapping,
      source,
      by: 'function',
      order,
      max: Math.min(max, maxPerLane),
      maxBytes,
      leaseMs,
    })
    return letters.map(claims.add)
  }
  const pollOnce = async (request: PollRequest): Promise<readonly Delivery[]> => {
    const until = clock.monotonic() + request.waitMs
    for (;;) {
      const woken = gate.wakeSignal()
      const wanted = gate.state() === 'open' && !request.skipLanes.has(REPLAY_LANE) && !request.signal.aborted
      const deliveries = wanted ? await take(request) : []
      const leftMs = until - clock.monotonic()
      if (deliveries.length > 0 || leftMs <= 0 || request.signal.aborted || gate.state() === 'closed') return deliveries
      const pauseMs = wanted ? Math.min(leftMs, look.pauseMs()) : leftMs
      await sleep(clock, pauseMs, AbortSignal.any([woken, request.signal]))
    }
  }
  return {
    ordered: false,
    retries: 'core',
    deferStepsMs: 'any',
    poll(request) {
      const answer = pollOnce(request).finally(() => polls.delete(answer))
      polls.add(answer)
      return answer
    },
    settle: claims.settle,
    settleWithin: claims.settleWithin,
    pause: async () => gate.set('paused'),
    resume: async () => gate.set('open'),
    lag: async () => lagOf(await store.waiting(mapping, source)),
    close() {
      gate.set('closed')
      closing ??= Promise.allSettled(polls).then(() => claims.close())
      return closing
    },
  }
}

const lagOf = (waiting: Omit<Lag, 'lane'>): readonly Lag[] =>
  waiting.records === 0 ? [] : [{ lane: REPLAY_LANE, ...waiting }]

type GateState = 'open' | 'paused' | 'closed'

/** Whether letters are claimed, and what ends a wait: a local request, or a change of this state. */
const openGate = (store: ReplayStore) => {
  let state: GateState = 'open'
  let wake = new AbortController()
  const unwatch = store.watch(() => wake.abort())
  return {
    state: () => state,
    set(next: GateState): void {
      if (state === 'closed') return
      state = next
      if (next === 'closed') unwatch()
      wake.abort()
    },
    /** Aborted by what happens from now on, so that nothing between a look and the wait after it is missed. */
    wakeSignal(): AbortSignal {
      wake = new AbortController()
      return wake.signal
    },
  }
}
