/** How much memory an environment has: looked at while something runs in it, the sooner the nearer it is to its limit. */
import type { Cancel, Clock } from '../../clock.ts'
import { nextSampleMs } from './sampling.ts'

export interface MemoryWatchParts {
  readonly clock: Pick<Clock, 'after' | 'monotonic'>
  readonly limitMb: number
  /** Undefined where it cannot be told, or not any more. */
  readonly usedMb: () => number | undefined
  /** Only while something runs: what is idle does not grow, and a host with nothing to do sleeps. */
  readonly isBusy: () => boolean
  readonly over: (how: string) => void
}

export interface MemoryWatch {
  /** Looks at it from now on, for as long as it is busy. */
  watch(): void
  /** A look now, where there was none yet: for when nobody waits for it. */
  first(): void
  /** The most there was, to be asked when something has run for `durationMs`: with a look now where there was none yet, or none meanwhile. */
  mostMb(durationMs: number): number | undefined
  stop(): void
}

/** What takes less time is not worth a look of its own, which takes a tenth of a millisecond. */
const WORTH_A_LOOK_MS = 10

export const watchMemory = ({ clock, limitMb, usedMb, isBusy, over }: MemoryWatchParts): MemoryWatch => {
  let lastMb = 0
  let mostMb: number | undefined
  let lookedMs = 0
  let cancel: Cancel | undefined

  const look = (): void => {
    cancel?.()
    cancel = undefined
    lookedMs = clock.monotonic()
    const used = usedMb()
    if (used === undefined) return
    lastMb = used
    mostMb = Math.max(mostMb ?? 0, used)
    if (used > limitMb) over(`${Math.ceil(used)} MB were in use`)
    else if (isBusy()) watch()
  }
  const first = (): void => {
    if (mostMb === undefined) look()
  }
  const watch = (): void => {
    cancel ??= clock.after(nextSampleMs(lastMb, limitMb), look)
  }
  return {
    watch,
    first,
    mostMb(durationMs) {
      if (durationMs < WORTH_A_LOOK_MS) first()
      else if (clock.monotonic() - lookedMs >= durationMs) look()
      return mostMb
    },
    stop: () => cancel?.(),
  }
}
