/** The filter of a mapping in runs that have one: what it makes of each record is drawn beforehand. */
import type { FilterVerdict, RecordFilter } from '../../core/flow/filter.ts'
import { createRandom, type Random } from './random.ts'
import type { Planned, Scenario } from './scenario.ts'
import type { Host, World } from './world.ts'

export interface Filter {
  /** Virtual milliseconds at most of an answer for a body; 0: every answer is there at once. */
  readonly mostMs: number
  /** How it tells that it cannot read a record. */
  readonly failure: 'said' | 'thrown'
}

/** What a filter makes of a record. */
export type Filtering = 'matches' | 'filtered' | 'unreadable'

export interface DrawnFilter {
  readonly filter: Filter
  readonly apply: (planned: Planned) => Planned
}

/** Drawn apart: older seeds are what they were, and none of the older regressions has one. */
export const drawFilter = (seed: number): DrawnFilter | undefined => {
  const random = createRandom(seed ^ 0xf12d)
  if (!random.chance(0.25)) return undefined
  const filter: Filter = {
    mostMs: random.pick([0, 0, 5, 300] as const),
    failure: random.pick(['said', 'thrown'] as const),
  }
  return { filter, apply: filtering(random) }
}

const filtering = (random: Random): DrawnFilter['apply'] => {
  const [passedOver, unreadable] = [random.pick([0.05, 0.3, 0.9] as const), random.pick([0, 0.03, 0.15] as const)]
  return planned => {
    const filtered: Filtering = random.chance(passedOver) ? 'filtered' : 'matches'
    return { ...planned, filtering: random.chance(unreadable) ? 'unreadable' : filtered }
  }
}

/** In a replay the filter may say what it likes: nobody is to ask it. */
export const withoutSay = ({ seed }: Scenario): DrawnFilter['apply'] => {
  const random = createRandom(seed ^ 0x3e91)
  return planned => ({ ...planned, filtering: random.pick(['matches', 'filtered', 'unreadable'] as const) })
}

/** What the filter has a say in comes to what it says; a replay somebody has asked for. */
export const fateOf = ({ reads, filter }: Scenario, { filtering }: Planned): Filtering =>
  reads === 'replays' || !filter ? 'matches' : filtering

const CANNOT_READ = { name: 'RecordUndecodable', code: 'RECORD_UNDECODABLE', message: 'simulated' }

export const createFilter = ({ ledger }: World, host: Host, { mostMs, failure }: Filter): RecordFilter => {
  const tell = ({ filtering }: Planned): FilterVerdict => {
    if (filtering !== 'unreadable') return filtering
    if (failure === 'thrown') throw new TypeError(CANNOT_READ.message)
    return { error: CANNOT_READ }
  }
  return record => {
    const { planned } = ledger.account(record.id)
    const waitMs = planned.bytes > LARGE_BYTES ? mostMs : 0
    return waitMs === 0 ? tell(planned) : host.latency(waitMs).then(() => tell(planned))
  }
}

/** What a pattern asks for may stand in the headers: only for some records there is something to wait for. */
const LARGE_BYTES = 100
