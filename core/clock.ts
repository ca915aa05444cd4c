/** Time is passed in: nothing else in Millrace reads a clock or sets a timer (a test greps for it). */
export interface Clock {
  /** Milliseconds since the epoch; may jump when the machine's clock is set. */
  now(): number
  /** Milliseconds since some start; never jumps. For durations, deadlines and leases. */
  monotonic(): number
  /** Calls `run` once after `ms` by {@link monotonic}, never sooner, unless cancelled. A pending timer keeps the process alive: cancel it when closing. */
  after(ms: number, run: () => void): Cancel
}

/** Cancels a timer; does nothing when it has run or was cancelled before. */
export type Cancel = () => void

/** setTimeout fires at once for anything longer: longer timers are taken in steps. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** Not by `performance`: Node loads that when it is first asked for, which is a fiftieth of the start of an environment. */
const monotonic = (): number => {
  const [seconds, nanos] = process.hrtime()
  return seconds * 1_000 + nanos / 1_000_000
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic,
  after(ms, run) {
    const dueMs = monotonic() + ms
    let timer: NodeJS.Timeout
    const arm = (leftMs: number): void => {
      timer = setTimeout(look, Math.min(Math.max(Math.ceil(leftMs), 0), LONGEST_TIMER_MS))
    }
    // Node counts whole milliseconds from when its loop last looked at the time, so that a timer may run too soon: who then
    // finds that it is not time yet, and begins anew, would never come to an end.
    const look = (): void => {
      const leftMs = dueMs - monotonic()
      if (leftMs > 0) arm(leftMs)
      else run()
    }
    arm(ms)
    return () => clearTimeout(timer)
  },
}

/** Milliseconds since the machine began: the same for all of its processes, and never set by anybody. */
export const machineMs = (): number => Math.floor(Number(process.hrtime.bigint() / 1_000n) / 1_000)

/** Resolves after `ms`, or as soon as `signal` aborts; never rejects. */
export const sleep = (clock: Clock, ms: number, signal?: AbortSignal): Promise<void> =>
  rest(clock, ms, undefined, signal)

/** Resolves with `event`, however that ends, after `ms`, or as soon as `signal` aborts; leaves no timer behind. */
export const sleepUnless = (clock: Clock, ms: number, event: Promise<unknown>, signal?: AbortSignal): Promise<void> =>
  rest(clock, ms, event, signal)

const rest = (
  clock: Clock,
  ms: number,
  event: Promise<unknown> | undefined,
  signal: AbortSignal | undefined,
): Promise<void> =>
  new Promise(resolve => {
    if (signal?.aborted) return resolve()
    const done = (): void => {
      cancel()
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const cancel = clock.after(ms, done)
    signal?.addEventListener('abort', done, { once: true })
    // Not by an abort of its own: a source waits for each batch, and each abort takes a stack trace.
    event?.then(done, done)
  })
