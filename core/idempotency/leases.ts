/**
 * Keeps claims while their functions run: renews all of them in one round trip, and tells those whose claim was lost, or
 * cannot be shown to be held any more. By the monotonic clock: nobody sets that.
 */
import type { Cancel, Clock } from '../clock.ts'
import type { Claimant, IdempotencyStore } from '../idempotency-store.ts'
import { leaseLost } from './problems.ts'

export interface Held {
  readonly key: string
  readonly fence: number
  /** Aborted when the claim is lost; made when it is asked for, because most functions never look at theirs. */
  signal(): AbortSignal
}

export interface Leases {
  /** A claim that was asked for at `askedAt`, by the monotonic clock, and granted. */
  hold(key: string, fence: number, askedAt: number): Held
  /** It needs no renewing any more. */
  drop(held: Held): void
}

export interface LeasesParts {
  readonly store: Pick<IdempotencyStore, 'write'>
  readonly clock: Clock
  readonly consumer: string
  readonly by: Claimant
  /** Called for each claim that is lost. */
  readonly onLost?: (error: Error) => void
}

interface Holding extends Held {
  /** By the monotonic clock. */
  goodUntil: number
  lose(): void
}

/** A lease is renewed when a third of it is over, and looked at three times as often. */
const RENEWALS = 3

export const createLeases = ({ store, clock, consumer, by, onLost }: LeasesParts): Leases => {
  const held = new Set<Holding>()
  const everyMs = by.leaseMs / RENEWALS
  /** What is left when a claim is given up that could not be renewed: others may have it soon. */
  const marginMs = by.leaseMs / 10
  let renewedAt = 0
  let asking = false
  let cancel: Cancel | undefined

  const watch = (): void => {
    cancel = clock.after(everyMs / RENEWALS, look)
  }
  const look = (): void => {
    watch()
    const now = clock.monotonic()
    // Also while the store does not answer: nobody is left to believe in a lease that is over.
    for (const holding of held) if (holding.goodUntil - marginMs <= now) lose(holding)
    if (!asking && held.size > 0 && now - renewedAt >= everyMs) void renew(now)
  }
  const lose = (holding: Holding): void => {
    drop(holding)
    holding.lose()
    onLost?.(leaseLost(consumer, holding.key))
  }
  const drop = (dropped: Holding): void => {
    held.delete(dropped)
    if (held.size > 0) return
    cancel?.()
    cancel = undefined
  }
  const renew = async (askedAt: number): Promise<void> => {
    asking = true
    const asked = [...held]
    try {
      const answers = await store.write(asked.map(({ key, fence }) => ({ kind: 'renew', key, fence, ...by })))
      renewedAt = askedAt
      for (const [index, holding] of asked.entries())
        if (answers[index] === 'held') holding.goodUntil = askedAt + by.leaseMs
        else if (held.has(holding)) lose(holding)
    } catch {
      // Whether they are still held is not known: they count as held until their time is over, and it is asked again.
    }
    asking = false
  }

  return {
    hold(key, fence, askedAt) {
      const holding = holdingOf(consumer, key, fence, askedAt + by.leaseMs)
      if (held.size === 0) renewedAt = askedAt
      held.add(holding)
      if (!cancel) watch()
      return holding
    },
    drop: dropped => drop(dropped as Holding),
  }
}

/** Without getters: a literal that has one gets a hidden class of its own each time. */
const holdingOf = (consumer: string, key: string, fence: number, goodUntil: number): Holding => {
  let controller: AbortController | undefined
  let isLost = false
  return {
    key,
    fence,
    goodUntil,
    signal() {
      controller ??= new AbortController()
      if (isLost && !controller.signal.aborted) controller.abort(leaseLost(consumer, key))
      return controller.signal
    },
    lose() {
      isLost = true
      controller?.abort(leaseLost(consumer, key))
    },
  }
}
