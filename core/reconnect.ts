/** Trying again what needs a server that may be away: connecting and publishing. Functions are retried by the flow alone. */
import pRetry from 'p-retry'
import { errorInfo, MillraceError } from './errors.ts'
import type { Log } from './log.ts'

export interface Reconnecting {
  /** What is tried, as a sentence goes on: `connecting to rabbit`. */
  readonly what: string
  readonly log: Log
  /** Ends it: what is under way is awaited, nothing more is tried. */
  readonly signal: AbortSignal
  /** Begins no further try once so many milliseconds have passed. Default: goes on until aborted. */
  readonly withinMs?: number
}

const FIRST_WAIT_MS = 1_000
const LONGEST_WAIT_MS = 30_000

/**
 * Runs `once` until it resolves, with pauses of 1 s to 30 s, doubled and jittered, so that there is at most one try a
 * second. Rejects with a fatal error at once, with the last error after `withinMs`, and with the signal's reason when
 * aborted. The first failure and the recovery are logged as such, the others as details.
 */
export const untilReachable = async <Value>(
  { what, log, signal, withinMs }: Reconnecting,
  once: (tryNumber: number) => Promise<Value>,
): Promise<Value> => {
  let failures = 0
  const value = await pRetry(
    async number => {
      try {
        return await once(number)
      } catch (thrown) {
        // p-retry gives up on a TypeError, which clients throw for addresses too; ours are tried unless they say fatal.
        throw thrown instanceof MillraceError
          ? thrown
          : new MillraceError('SOURCE_FAILED', `${what}: ${errorInfo(thrown).message}`, { cause: thrown })
      }
    },
    {
      retries: Number.POSITIVE_INFINITY,
      factor: 2,
      minTimeout: FIRST_WAIT_MS,
      maxTimeout: LONGEST_WAIT_MS,
      randomize: true,
      signal,
      ...(withinMs === undefined ? {} : { maxRetryTime: withinMs }),
      shouldRetry: ({ error }) => !isFatal(error),
      onFailedAttempt: ({ error, retryDelay }) => {
        failures += 1
        if (retryDelay === 0 || isFatal(error)) return
        const tell = failures === 1 ? log.warn : log.debug
        tell(`${what} failed, and is tried again in ${Math.round(retryDelay)} ms`, { error: errorInfo(error) })
      },
    },
  )
  if (failures > 0) log.info(`${what} succeeded after ${failures} failed tries`)
  return value
}

const isFatal = (error: Error): boolean => error instanceof MillraceError && error.fatal
