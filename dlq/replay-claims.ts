/** The letters a replay has claimed: their leases are renewed, and a claim that was taken by another is lost. */
import type { Cancel, Clock } from '../core/clock.ts'
import type { Delivery, JointWrite, Settlement, Unsettled } from '../core/contract.ts'
import { errorInfo, wrapError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { Claim, ClaimedLetter, ClaimVerdict, ReplayStore } from './replay-store.ts'

export interface ReplayClaims {
  /** A delivery for a letter that was just leased. */
  add(claimed: ClaimedLetter): Delivery
  settle(settlements: readonly Settlement[]): Promise<readonly Unsettled[]>
  settleWithin(settlements: readonly Settlement[]): JointWrite
  /** Gives back what is not settled; its deliveries are lost. */
  close(): Promise<void>
}

export interface ReplayClaimsOptions {
  readonly clock: Clock
  readonly log: Log
  readonly leaseMs: number
}

export const REPLAY_LANE = 'replay'

interface Held {
  readonly claim: Claim
  readonly lost: AbortController
  /** Settled within another transaction. Whether that was committed shows at the next renewal: it is done, not lost. */
  readonly joined: boolean
}

export const replayClaims = (store: ReplayStore, options: ReplayClaimsOptions): ReplayClaims => {
  const held = new Map<Delivery, Held>()
  const renewal = renewLeases(store, held, options)
  return {
    add(claimed) {
      const lost = new AbortController()
      const delivery = deliveryOf(claimed, lost.signal)
      held.set(delivery, { claim: claimed.claim, lost, joined: false })
      renewal.arm()
      return delivery
    },

    async settle(settlements) {
      const ours = settlements.filter(({ delivery }) => held.has(delivery))
      if (ours.length === 0) return []
      try {
        await store.settle(verdictsOf(held, ours))
      } catch (thrown) {
        const error = wrapError('SETTLE_FAILED', 'the verdict on a replay was not stored', thrown)
        return ours.map(({ delivery }) => ({ delivery, error }))
      }
      for (const { delivery } of ours) held.delete(delivery)
      return []
    },

    settleWithin(settlements) {
      for (const { delivery } of settlements) {
        const holding = held.get(delivery)
        if (holding) held.set(delivery, { ...holding, joined: true })
      }
      return store.settleWithin(verdictsOf(held, settlements))
    },

    async close() {
      renewal.cancel()
      const unsettled = [...held]
      held.clear()
      for (const [, { lost }] of unsettled) lost.abort()
      if (unsettled.length > 0) await store.settle(unsettled.map(([delivery, { claim }]) => givenBack(delivery, claim)))
    },
  }
}

/** Renews every third of a lease while anything is held. */
const renewLeases = (store: ReplayStore, held: Map<Delivery, Held>, { clock, log, leaseMs }: ReplayClaimsOptions) => {
  let cancel: Cancel | undefined
  let cancelled = false

  const arm = (): void => {
    if (held.size > 0 && !cancelled) cancel ??= clock.after(leaseMs / 3, renew)
  }
  const renew = (): void => {
    const before = [...held]
    const claims = before.map(([, { claim }]) => claim)
    store
      .renew(claims, leaseMs)
      .then(kept => dropLost(held, before, new Set(kept)))
      .catch((error: unknown) =>
        log.warn('the leases of replays were not renewed; tried again soon', { error: errorInfo(error).message }),
      )
      .finally(() => {
        cancel = undefined
        arm()
      })
  }
  return {
    arm,
    cancel() {
      cancelled = true
      cancel?.()
    },
  }
}

const dropLost = (
  held: Map<Delivery, Held>,
  before: readonly (readonly [Delivery, Held])[],
  kept: ReadonlySet<Claim>,
): void => {
  for (const [delivery, { claim, lost }] of before) {
    const now = held.get(delivery)
    if (kept.has(claim) || !now) continue
    held.delete(delivery)
    if (!now.joined) lost.abort()
  }
}

const deliveryOf = (
  { claim, letter, attempts, requestedAt, priorClaims }: ClaimedLetter,
  lost: AbortSignal,
): Delivery => ({
  record: letter.record,
  lane: REPLAY_LANE,
  attempts,
  firstSeen: requestedAt,
  priorDeliveries: priorClaims,
  lost,
  replayOf: claim.id,
})

const verdictsOf = (held: ReadonlyMap<Delivery, Held>, settlements: readonly Settlement[]): readonly ClaimVerdict[] =>
  settlements.flatMap(settlement => {
    const claim = held.get(settlement.delivery)?.claim
    return claim ? [verdictOf(settlement, claim)] : []
  })

const verdictOf = (settlement: Settlement, claim: Claim): ClaimVerdict => {
  switch (settlement.outcome) {
    case 'accepted':
      return { claim, outcome: 'accepted' }
    case 'rejected':
      return { claim, outcome: 'rejected', message: settlement.reason.message }
    case 'released':
      return { claim, outcome: 'returned', attempts: settlement.attempts, delayMs: 0 }
    case 'deferred':
      return { claim, outcome: 'returned', attempts: settlement.attempts, delayMs: settlement.delayMs }
  }
}

const givenBack = ({ attempts }: Delivery, claim: Claim): ClaimVerdict => ({
  claim,
  outcome: 'returned',
  attempts,
  delayMs: 0,
})
