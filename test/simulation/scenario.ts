/** What happens in one run, drawn from a seed: records, policy, speeds and faults. Plain data. */
import type { Policy } from '../../core/flow/policy.ts'
import { drawFaults, drawThrottling, type Fault } from './faults.ts'
import { drawFilter, type Filter, type Filtering } from './filters.ts'
import { drawPolicy } from './policies.ts'
import { createRandom, type Random } from './random.ts'

/** How the function takes a record; `times`: so often, then it succeeds. */
export type Nature =
  | { readonly kind: 'fine' }
  | { readonly kind: 'named'; readonly times: number; readonly retryAfterMs: number | undefined }
  | { readonly kind: 'throws'; readonly times: number }
  | { readonly kind: 'never'; readonly how: 'flag' | 'listed' }
  | { readonly kind: 'refused' }
  /** Takes the process with it. */
  | { readonly kind: 'kills' }

export interface Planned {
  readonly id: string
  readonly lane: string
  /** Its place in its lane, from 0. */
  readonly place: number
  readonly key: string | null
  /** Virtual milliseconds at which it is produced. */
  readonly atMs: number
  readonly bytes: number
  readonly nature: Nature
  /** What a filter makes of it, where there is one. */
  readonly filtering: Filtering
}

export interface Scenario {
  readonly seed: number
  /** Dead letters of an earlier run, or records. */
  readonly reads: 'records' | 'replays'
  readonly source: 'stream' | 'queue'
  readonly deferStepsMs: readonly number[] | 'any'
  /** A claim cannot be kept longer. */
  readonly maxClaimMs: number | undefined
  readonly store: 'joint' | 'apart'
  readonly filter: Filter | undefined
  readonly policy: Policy
  readonly records: readonly Planned[]
  readonly faults: readonly Fault[]
  readonly environments: number
  /** Milliseconds at most of an invocation, a settle or a poll, a call of the store. */
  readonly invokeMs: number
  readonly settleMs: number
  readonly storeMs: number
  /** What the function does with the records of a scope behind a failed one. */
  readonly behindFailure: 'stops' | 'goes on'
  /** After so many records, or its first failure, it names the rest of a batch as untried. */
  readonly comesTo: number | undefined
}

export const drawScenario = (seed: number): Scenario => {
  const random = createRandom(seed)
  const source = random.pick(['stream', 'queue'] as const)
  const policy = drawPolicy(random, source)
  const deferStepsMs =
    source === 'stream' ? [] : random.pick<Scenario['deferStepsMs']>(['any', [1_000, 10_000, 120_000], []])
  const longWaits = drawLongWaits(seed)
  const drawn = drawFilter(seed)
  return {
    seed,
    reads: 'records',
    source,
    deferStepsMs: longWaits && deferStepsMs.length === 3 ? [2_000] : deferStepsMs,
    maxClaimMs: createRandom(seed ^ 0x2c1a).pick([undefined, undefined, 60_000, 120_000] as const),
    store: random.pick(['joint', 'apart'] as const),
    filter: drawn?.filter,
    policy,
    records: drawRecords(random, source, policy)
      .map(longWaits ?? (planned => planned))
      .map(drawn?.apply ?? (planned => planned)),
    faults: [...drawFaults(random), ...drawThrottling(createRandom(seed ^ 0x4290))],
    environments: random.int(1, 6),
    invokeMs: random.pick([5, 100, 2_000] as const),
    settleMs: random.pick([0, 5, 300] as const),
    storeMs: random.pick([0, 5, 300] as const),
    behindFailure: random.chance(0.8) ? 'stops' : 'goes on',
    comesTo: createRandom(seed ^ 0x6b15).pick([
      undefined,
      undefined,
      undefined,
      1,
      5,
      Number.POSITIVE_INFINITY,
    ] as const),
  }
}

/** In some runs functions ask for waits longer than brokers defer. Drawn apart: older seeds are what they were. */
const drawLongWaits = (seed: number): ((planned: Planned) => Planned) | undefined => {
  const random = createRandom(seed ^ 0x3a17)
  if (!random.chance(0.3)) return undefined
  return planned => {
    const retryAfterMs = random.int(0, 60_000)
    return planned.nature.kind === 'named' ? { ...planned, nature: { ...planned.nature, retryAfterMs } } : planned
  }
}

const drawRecords = (random: Random, source: Scenario['source'], policy: Policy): readonly Planned[] => {
  const lanes = source === 'stream' ? random.int(1, 4) : 1
  const keys = random.int(1, 8)
  const poison = random.pick([0, 0.03, 0.15] as const)
  const spreadMs = random.pick([0, 2_000, 30_000] as const)
  const count = random.int(5, 120)
  const killer = random.chance(0.12) ? random.int(0, count - 1) : -1
  const places = new Map<string, number>()
  return Array.from({ length: count }, (_, index) => Math.floor((spreadMs * index) / count)).map((atMs, index) => {
    const key = random.chance(0.15) ? null : `k${random.int(1, keys)}`
    const lane = String(key === null ? random.int(0, lanes - 1) : Number(key.slice(1)) % lanes)
    const place = places.get(lane) ?? 0
    places.set(lane, place + 1)
    const nature: Nature = index === killer ? { kind: 'kills' } : drawNature(random, poison, policy)
    return { id: `r${index}`, lane, place, key, atMs, bytes: random.int(0, 400), nature, filtering: 'matches' }
  })
}

const drawNature = (random: Random, poison: number, policy: Policy): Nature => {
  if (!random.chance(poison)) return { kind: 'fine' }
  const times = random.pick([1, 2, policy.maxAttempts - 1, Number.POSITIVE_INFINITY] as const)
  const retryAfterMs = random.chance(0.2) ? random.int(0, 5_000) : undefined
  return random.pick<Nature>([
    { kind: 'named', times, retryAfterMs },
    { kind: 'named', times, retryAfterMs },
    { kind: 'throws', times },
    { kind: 'never', how: random.pick(['flag', 'listed'] as const) },
    { kind: 'refused' },
  ])
}
