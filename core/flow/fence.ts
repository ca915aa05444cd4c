import type { Clock } from '../clock.ts'

/**
 * A number that outdates earlier claims on the same record: the microseconds since the epoch, and always more than the
 * time before. Rises over restarts and between the processes of one machine; between machines as far as their clocks
 * agree.
 */
export const createFence = (clock: Clock): (() => number) => {
  let last = 0
  return () => {
    last = Math.max(last + 1, clock.now() * 1_000)
    return last
  }
}
