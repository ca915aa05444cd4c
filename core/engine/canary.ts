/**
 * Two versions of one function beside each other: of each hundred invocations so many go to the new one, evenly spread.
 * A record that failed there may be retried on either; which one it was stands in each report and dead letter.
 */
import type { EngineStats, FunctionSpec } from './contract.ts'
import type { Pool } from './pool.ts'

/** Which version a direct caller asks for. */
export type Variant = 'stable' | 'canary'

export interface CanaryPools {
  readonly stable: Pool
  readonly canary: Pool
  /** Percent of invocations. */
  readonly weight: number
}

/** What each of the two may have of the function's environments: at least one. */
export const splitSpec = (spec: FunctionSpec): { readonly stable: FunctionSpec; readonly canary: FunctionSpec } => {
  const { canary, ...stable } = spec
  if (!canary) return { stable, canary: stable }
  const part = Math.max(1, Math.round((spec.maxEnvironments * canary.weight) / 100))
  return {
    stable: { ...stable, maxEnvironments: Math.max(1, spec.maxEnvironments - part) },
    canary: {
      ...stable,
      code: canary.code,
      maxEnvironments: part,
      reserved: 0,
      provisioned: Math.min(1, spec.provisioned),
    },
  }
}

/** One pool to whoever asks; `choose` is called for each request that does not say which version it wants. */
export const canaryPool = ({ stable, canary, weight }: CanaryPools): Pool => {
  let due = 0
  const choose = (): Pool => {
    due += weight
    if (due < 100) return stable
    due -= 100
    return canary
  }
  const pools = [stable, canary]
  return {
    acquire: (mapping, signal) => choose().acquire(mapping, signal),
    tryAcquire: () => choose().tryAcquire(),
    stats: () => pools.map(pool => pool.stats()).reduce(sumOf),
    retire: async graceMs => void (await Promise.all(pools.map(pool => pool.retire(graceMs)))),
    close: async graceMs => void (await Promise.all(pools.map(pool => pool.close(graceMs)))),
  }
}

const sumOf = (one: EngineStats, other: EngineStats): EngineStats => ({
  environments: one.environments + other.environments,
  busy: one.busy + other.busy,
  waiting: one.waiting + other.waiting,
  coldStarts: one.coldStarts + other.coldStarts,
  invocations: one.invocations + other.invocations,
  throttled: one.throttled + other.throttled,
})
