/** What goes wrong, and when; everything ends, so that what is left must drain. */
import type { Random } from './random.ts'

export type FaultKind =
  /** The process ends without a word, and another one starts after `forMs`. */
  | 'crash'
  /** Every lane of the source belongs to somebody else for `forMs`, who does nothing with it. */
  | 'lost lanes'
  | 'settle fails'
  /** The source settles, and its answer is lost. */
  | 'settle unanswered'
  | 'settle partly'
  | 'settle hangs'
  | 'poll fails'
  | 'poll hangs'
  | 'open fails'
  | 'store down'
  /** The store stores, and its answer is lost. */
  | 'store unanswered'
  | 'function throws'
  | 'function names'
  | 'function times out'
  | 'function answers nonsense'
  | 'function not ready'
  | 'function throttles'
  | 'pause'
  | 'quick pause'
  /** A clean stop, and another start. */
  | 'restart'

export interface Fault {
  readonly kind: FaultKind
  /** Virtual milliseconds. */
  readonly atMs: number
  readonly forMs: number
}

/** After these, a record may be processed twice, or be charged less than it failed. */
export const DISTURBING: ReadonlySet<FaultKind> = new Set<FaultKind>([
  'crash',
  'lost lanes',
  'settle fails',
  'settle unanswered',
  'settle partly',
  'settle hangs',
  'poll hangs',
  'poll fails',
])

const KINDS: readonly [FaultKind, ...FaultKind[]] = [
  'crash',
  'crash',
  'lost lanes',
  'lost lanes',
  'settle fails',
  'settle unanswered',
  'settle partly',
  'settle hangs',
  'poll fails',
  'poll hangs',
  'open fails',
  'store down',
  'store down',
  'store unanswered',
  'function throws',
  'function names',
  'function times out',
  'function answers nonsense',
  'function not ready',
  'pause',
  'quick pause',
  'restart',
  'restart',
]

/** In some runs the function has no room for a while. Drawn apart: older seeds are what they were. */
export const drawThrottling = (random: Random): readonly Fault[] =>
  random.chance(0.2)
    ? [{ kind: 'function throttles', atMs: random.int(0, 40_000), forMs: random.pick([10, 1_000, 20_000] as const) }]
    : []

export const drawFaults = (random: Random): readonly Fault[] => {
  const count = random.pick([0, 1, 2, 5] as const)
  const one = random.pick(KINDS)
  const kinds = random.chance(0.4) ? () => one : () => random.pick(KINDS)
  return Array.from({ length: count }, () => ({
    kind: kinds(),
    atMs: random.int(0, 40_000),
    forMs: random.pick([10, 1_000, 20_000, 150_000] as const),
  })).sort((first, second) => first.atMs - second.atMs)
}
