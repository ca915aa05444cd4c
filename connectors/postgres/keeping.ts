/** What a source holds: leases are renewed for as long as it does, and a claim that is gone says so. */
import type { Cancel, Clock } from '../../core/clock.ts'
import { errorInfo } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import type { Postgres } from '../../core/postgres.ts'
import { type Claiming, renew } from './claims.ts'

export interface Held {
  readonly id: string
  readonly lost: AbortController
  /** By the monotonic clock: from then on another may have it. */
  untilMs: number
}

export interface Keeping {
  /** Of a row that was asked for then. An earlier claim on it is lost by that. */
  add(id: string, askedAtMs: number): Held
  /** False for one that was settled, or lost. */
  has(held: Held): boolean
  drop(held: Held): void
  ids(): readonly string[]
  /** All are lost. */
  close(): void
}

/** A lease is renewed this often in its time. */
const RENEWALS = 3

export const createKeeping = (
  { postgres, clock, log }: { readonly postgres: Postgres; readonly clock: Clock; readonly log: Log },
  { claiming, channel }: { readonly claiming: Claiming; readonly channel: { readonly address: string } },
): Keeping => {
  const { leaseMs } = claiming
  const held = new Map<string, Held>()
  let cancel: Cancel | undefined
  let closed: 'no' | 'yes' = 'no'

  const lose = (each: Held): void => {
    if (held.get(each.id) === each) held.delete(each.id)
    each.lost.abort()
  }
  const renewAll = async (): Promise<void> => {
    const askedAtMs = clock.monotonic()
    // A lease that was taken within the last third lasts until the next time.
    const due = [...held.values()].filter(({ untilMs }) => untilMs - askedAtMs < leaseMs * (1 - 0.5 / RENEWALS))
    try {
      const ours =
        due.length === 0
          ? NONE
          : await renew(
              postgres,
              claiming,
              due.map(({ id }) => id),
            )
      for (const each of due) {
        if (ours.has(each.id)) each.untilMs = askedAtMs + leaseMs
        else if (held.get(each.id) === each) lose(each)
      }
    } catch (error) {
      log.warn(`${channel.address}: claims could not be renewed; they are lost when their time is over`, {
        error: errorInfo(error),
      })
    }
    const nowMs = clock.monotonic()
    for (const each of [...held.values()]) if (each.untilMs <= nowMs) lose(each)
    cancel = undefined
    arm()
  }
  /** Nothing ticks while nothing is held. */
  const arm = (): void => {
    if (cancel || closed === 'yes' || held.size === 0) return
    const firstEndMs = Math.min(...[...held.values()].map(({ untilMs }) => untilMs)) - clock.monotonic()
    cancel = clock.after(Math.min(leaseMs / RENEWALS, Math.max(firstEndMs, 0)), () => void renewAll())
  }
  return {
    add(id, askedAtMs) {
      const before = held.get(id)
      if (before) lose(before)
      const claim: Held = { id, lost: new AbortController(), untilMs: askedAtMs + leaseMs }
      held.set(id, claim)
      arm()
      return claim
    },
    has: each => held.get(each.id) === each,
    drop(each) {
      if (held.get(each.id) === each) held.delete(each.id)
    },
    ids: () => [...held.keys()],
    close() {
      closed = 'yes'
      cancel?.()
      for (const each of [...held.values()]) lose(each)
    },
  }
}

const NONE: ReadonlySet<string> = new Set()
