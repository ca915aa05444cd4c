import type { Clock } from '../clock.ts'

/**
 * Numbers in a row, of which the first is answered. Each outdates earlier claims on the same record: the microseconds since the epoch, and always more than the
 * time before. Rises over restarts and between the processes of one machine; between machines as far as their clocks
 * agree.
 */
export const createFence = (clock: Clock): ((count: number) => number) => {
  let next = 0
  return count => {
    const first = Math.max(next, clock.now() * 1_000)
    next = first + count
    return first
  }
}
