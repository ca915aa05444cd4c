/**
 * Notices a consumer that has gone silent. kafkajs can stop without an event, an error or a heartbeat (kafkajs#659), and a
 * connection whose other side has vanished it finds only when requests time out, one after the other.
 */
import type { Cancel, Clock } from '../../core/clock.ts'

export interface Watchdog {
  /** A broker has answered. */
  alive(): void
  stop(): void
}

export interface WatchdogOptions {
  readonly clock: Clock
  /** How long there may be no answer, in milliseconds; asked at each look, since a join may take long. */
  readonly limitMs: () => number
  /** Called once, unless it is stopped before. */
  readonly onSilent: (silentMs: number) => void
}

const LOOK_MS = 2_000

/**
 * Silence is counted in looks rather than by the clock: a process that was stopped for long, or had a long turn of its
 * event loop, has heard nothing either, and its broker is not to blame.
 */
export const startWatchdog = ({ clock, limitMs, onSilent }: WatchdogOptions): Watchdog => {
  let silentMs = 0
  let cancel: Cancel
  const look = (): void => {
    silentMs += LOOK_MS
    if (silentMs >= limitMs()) onSilent(silentMs)
    else cancel = clock.after(LOOK_MS, look)
  }
  cancel = clock.after(LOOK_MS, look)
  return {
    alive() {
      silentMs = 0
    },
    stop: () => cancel(),
  }
}

/** A request may take 5 s on its way and 5 s back, and fetches wait a moment; this is far beyond that. */
const LEAST_MS = 20_000

export interface Patience {
  readonly sessionMs: number
  readonly rebalanceMs: number
  readonly phase: 'running' | 'draining' | 'joining' | 'over'
}

/**
 * How long a consumer may hear nothing: two sessions, after which the group has long given it up. A join is answered when
 * the slowest member has joined.
 */
export const silenceLimitMs = ({ sessionMs, rebalanceMs, phase }: Patience): number =>
  Math.max(2 * sessionMs, LEAST_MS) + (phase === 'joining' ? rebalanceMs : 0)
