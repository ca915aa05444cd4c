/** How much memory an environment has: looked at while something runs in it, the sooner the nearer it is to its limit. */
import type { Cancel, Clock } from '../../clock.ts'
import { nextSampleMs } from './sampling.ts'

export interface MemoryWatchParts {
  readonly clock: Pick<Clock, 'after'>
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
  /** The most there was, with a look now where there was none yet. */
  mostMb(): number | undefined
  stop(): void
}

export const watchMemory = ({ clock, limitMb, usedMb, isBusy, over }: MemoryWatchParts): MemoryWatch => {
  let lastMb = 0
  let mostMb: number | undefined
  let cancel: Cancel | undefined

  const look = (): void => {
    cancel = undefined
    const used = usedMb()
    if (used === undefined) return
    lastMb = used
    mostMb = Math.max(mostMb ?? 0, used)
    if (used > limitMb) over(`${Math.ceil(used)} MB were in use`)
    else if (isBusy()) watch()
  }
  const watch = (): void => {
    cancel ??= clock.after(nextSampleMs(lastMb, limitMb), look)
  }
  return {
    watch,
    mostMb() {
      if (mostMb === undefined) look()
      return mostMb
    },
    stop: () => cancel?.(),
  }
}
