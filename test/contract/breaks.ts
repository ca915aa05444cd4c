/** Ways to break one promise each, for sources over a wire. */
import type { Delivery, Settlement, Source } from '../../core/contract.ts'
import { MillraceError } from '../../core/errors.ts'
import { accept } from '../../core/testing/contract/reading.ts'
import type { Wire } from './wire.ts'

/** What the readers of one channel share. */
export interface Shared {
  readonly wire: Wire
  readonly claimed: Delivery[]
}

export type Break = (source: Source, shared: Shared) => Source

export const unbroken: Break = source => source

export const acksEarly: Break = source => ({
  ...source,
  async poll(request) {
    const taken = await source.poll(request)
    await source.settle(accept(taken))
    return taken
  },
})

export const reorders: Break = source => ({
  ...source,
  poll: async request => (await source.poll(request)).toReversed(),
})

export const forgetsOne: Break = source => ({
  ...source,
  async poll(request) {
    const taken = await source.poll(request)
    return taken.length > 1 ? taken.slice(1) : taken
  },
})

export const ignoresMax: Break = source => ({
  ...source,
  poll: request => source.poll({ ...request, max: request.max + 1, maxPerLane: request.maxPerLane + 1 }),
})

export const forgetsAttempts: Break = source => ({
  ...source,
  settle: settlements =>
    source.settle(settlements.map(each => (each.outcome === 'released' ? { ...each, attempts: 0 } : each))),
})

export const keepsOnClose: Break = source => ({ ...source, close: async () => {} })

export const settlesNothing: Break = source => ({ ...source, settle: async () => [] })

export const answersLate: Break = source => ({ ...source, poll: request => source.poll({ ...request, waitMs: 0 }) })

export const claimsWhilePaused: Break = source => ({ ...source, pause: async () => {} })

/** Its claims look like ours after a cut, while they are somebody else's. */
export const hidesLoss: Break = source => ({
  ...source,
  poll: async request => (await source.poll(request)).map(each => ({ ...each, lost: new AbortController().signal })),
})

/** As with a delivery tag that is settled on the channel after its own. */
export const settlesLaterClaims: Break = (source, { claimed }) => ({
  ...source,
  async poll(request) {
    const taken = await source.poll(request)
    claimed.push(...taken)
    return taken
  },
  settle: settlements => source.settle(settlements.map(each => ({ ...each, delivery: latest(claimed, each) }))),
})

const latest = (claimed: readonly Delivery[], { delivery }: Settlement): Delivery =>
  claimed.findLast(({ record }) => record.id === delivery.record.id) ?? delivery

export const refusesAfterCut: Break = (source, { wire }) => ({
  ...source,
  async settle(settlements) {
    if (wire.cuts === 0) return source.settle(settlements)
    return settlements.map(({ delivery }) => ({ delivery, error: new MillraceError('SETTLE_FAILED', 'for ever') }))
  },
})

export const staysDown: Break = (source, { wire }) => ({
  ...source,
  async poll(request) {
    if (wire.cuts > 0) throw new MillraceError('SOURCE_FAILED', 'for ever')
    return source.poll(request)
  },
})

export const hangsOnClose: Break = (source, { wire }) => ({
  ...source,
  close: () => (wire.cuts === 0 ? source.close() : new Promise(() => {})),
})

export const readsForAll: Break = (source, { claimed }) => {
  let seen = 0
  return {
    ...source,
    async poll(request) {
      const others = claimed.slice(seen, seen + request.max)
      seen += others.length
      if (others.length > 0) return others
      const taken = await source.poll(request)
      claimed.push(...taken)
      seen = claimed.length
      return taken
    },
  }
}

/** The last verdicts are on their way when it answers, and lost when it is closed. */
export const answersBeforeItIsTold: Break = source => {
  let onTheWay: readonly Settlement[] = []
  return {
    ...source,
    async settle(settlements) {
      const before = onTheWay
      onTheWay = settlements
      return source.settle(before)
    },
  }
}
