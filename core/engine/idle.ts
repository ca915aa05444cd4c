/** The environments of a function that nobody uses: the last used is used first, the first to get too old is ended. */
import type { Cancel, Clock } from '../clock.ts'
import type { Environment } from './environment.ts'

export interface IdleEnvironments {
  readonly size: number
  push(environment: Environment): void
  /** The one that was used last. */
  pop(): Environment | undefined
  /** The one that was not used for the longest time. */
  shift(): Environment | undefined
  /** False when it was not idle. */
  remove(environment: Environment): boolean
  /** By the monotonic clock, in milliseconds: since when the oldest is idle. */
  sinceMs(): number | undefined
  /** Empties it and watches it no longer. */
  close(): void
}

export interface IdleParts {
  readonly clock: Clock
  readonly idleMs: number
  /** The oldest has been idle for so long. True: it was taken away; false: it is to stay for another `idleMs`. */
  readonly onExpired: () => boolean
}

interface Idle {
  readonly environment: Environment
  readonly sinceMs: number
}

export const idleEnvironments = ({ clock, idleMs, onExpired }: IdleParts): IdleEnvironments => {
  const idle: Idle[] = []
  let cancel: Cancel | undefined

  /** One timer for all: the oldest is the first of the list. */
  const watch = (): void => {
    const oldest = idle[0]
    if (cancel || !oldest) return
    cancel = clock.after(Math.max(0, oldest.sinceMs + idleMs - clock.monotonic()), expire)
  }
  const expire = (): void => {
    cancel = undefined
    const limitMs = clock.monotonic() - idleMs
    while (idle[0] && idle[0].sinceMs <= limitMs && onExpired());
    if (idle[0] && idle[0].sinceMs <= limitMs) cancel = clock.after(idleMs, expire)
    else watch()
  }

  return {
    get size() {
      return idle.length
    },
    push(environment) {
      idle.push({ environment, sinceMs: clock.monotonic() })
      watch()
    },
    pop: () => idle.pop()?.environment,
    shift: () => idle.shift()?.environment,
    remove(environment) {
      const index = idle.findIndex(candidate => candidate.environment === environment)
      if (index >= 0) idle.splice(index, 1)
      return index >= 0
    },
    sinceMs: () => idle[0]?.sinceMs,
    close() {
      cancel?.()
      idle.length = 0
    },
  }
}
