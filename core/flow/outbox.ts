/**
 * Hands things to somebody who may refuse them for a while: a source that settles, a store that parks.
 *
 * One delivery is under way at a time and takes all that came meanwhile, so a slow receiver gets larger calls, not
 * more of them. What was not taken goes first next time, after a growing pause; nothing is dropped. Where nothing of a
 * delivery was taken the receiver is in trouble and all waits for that; otherwise only what was refused does.
 */
import { type Clock, sleep } from '../clock.ts'
import type { MillraceError } from '../errors.ts'
import type { Backoff } from './policy.ts'
import { delayMs } from './retry.ts'

export interface Outbox<Item> {
  /** Items not yet taken. */
  readonly size: number
  push(item: Item): void
  /** Resolves when everything was taken. */
  idle(): Promise<void>
}

export interface Refused<Item> {
  readonly items: readonly Item[]
  readonly error: MillraceError
}

export interface OutboxOptions<Item> {
  readonly clock: Clock
  readonly random: () => number
  /** Aborted: what was refused is not tried again. */
  readonly signal: AbortSignal
  /** Must not reject: what could not be delivered is its answer; undefined when all of it was taken. */
  readonly deliver: (items: readonly Item[]) => Promise<Refused<Item> | undefined>
  /** Called after each refusal, with the milliseconds since the first delivery that was refused began. */
  readonly onRefused: (refused: Refused<Item>, forMs: number) => void
}

const PAUSE: Backoff = { initialMs: 100, factor: 2, maxMs: 5_000, jitter: 'full' }

export const createOutbox = <Item>({
  clock,
  random,
  signal,
  deliver,
  onRefused,
}: OutboxOptions<Item>): Outbox<Item> => {
  let pending: readonly Item[] = []
  let incoming: Item[] = []
  let underWay = 0
  let running: Promise<void> | undefined
  /** What was refused waits until then, by the monotonic clock; whether what comes meanwhile waits as well. */
  let pauseUntil = 0
  let pausing: 'all' | 'refused' = 'all'
  let tries = 0
  let refusingSince = 0
  let ended = new AbortController()

  /** What may be delivered now, taken out: what was refused before, and what is new. */
  const next = (): readonly [refused: readonly Item[], fresh: readonly Item[]] => {
    const isPaused = pending.length > 0 && clock.monotonic() < pauseUntil
    if (isPaused && pausing === 'all') return [[], []]
    const taken = [isPaused ? [] : pending, incoming] as const
    incoming = []
    if (!isPaused) pending = []
    return taken
  }

  const handOver = async (items: readonly Item[], fresh: number): Promise<void> => {
    underWay = items.length
    if (tries === 0) refusingSince = clock.monotonic()
    const refused = await deliver(items)
    underWay = 0
    if (!refused) {
      if (pending.length === 0) tries = 0
      return
    }
    pending = [...pending, ...refused.items]
    tries += 1
    if (refused.items.length < items.length) pausing = 'refused'
    // Of those that were refused before, being refused again tells nothing about others.
    else if (fresh > 0) pausing = 'all'
    pauseUntil = clock.monotonic() + delayMs({ tries, charge: 'free' }, PAUSE, random())
    onRefused(refused, clock.monotonic() - refusingSince)
  }

  const run = async (): Promise<void> => {
    while (pending.length + incoming.length > 0 && !signal.aborted) {
      ended = new AbortController()
      const [again, fresh] = next()
      if (again.length + fresh.length > 0) await handOver([...again, ...fresh], fresh.length)
      else await sleep(clock, pauseUntil - clock.monotonic(), AbortSignal.any([signal, ended.signal]))
    }
    running = undefined
  }

  return {
    get size() {
      return pending.length + incoming.length + underWay
    },
    push(item) {
      incoming.push(item)
      if (pausing === 'refused') ended.abort()
      // One turn later, so that all verdicts of a batch go together.
      running ??= Promise.resolve().then(run)
    },
    async idle() {
      while (running) await running
    },
  }
}
