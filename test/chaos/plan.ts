/** Which faults come in which order: a pure function of the seed. */
import { createRandom } from '../simulation/random.ts'

/** What is done, and whose claims may be run again for it: nobody's, one member's, or those of all. */
export const FAULTS = {
  'member SIGKILL': 'one',
  'member SIGTERM and start': 'none',
  'member SIGSTOP': 'one',
  'another member': 'none',
  'broker SIGKILL': 'all',
  'broker restart': 'all',
  'broker SIGSTOP': 'all',
  reset: 'all',
  'half-open': 'all',
  'half-open to the client': 'all',
  latency: 'all',
  'slices of one byte': 'all',
  'cut in the middle of a frame': 'all',
} as const

export type Fault = keyof typeof FAULTS

const KINDS = Object.keys(FAULTS) as readonly Fault[]

/** Every kind comes before any comes again. */
export const planFaults = (seed: number, count: number): readonly Fault[] => {
  const random = createRandom(seed)
  const plan: Fault[] = []
  while (plan.length < count) {
    const left = [...KINDS]
    while (left.length > 0 && plan.length < count) plan.push(...left.splice(random.int(0, left.length - 1), 1))
  }
  return plan
}

/** `inFlight` is what one member may have claimed, of `members`. */
export const duplicateBound = (faults: readonly Fault[], members: number, inFlight: number): number => {
  const atRisk = { none: 0, one: 1, all: members }
  return faults.reduce((sum, fault) => sum + atRisk[FAULTS[fault]] * inFlight, 0)
}
