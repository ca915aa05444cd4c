/**
 * Hands things to somebody who may refuse them for a while: a source that settles, a store that parks.
 *
 * One delivery is under way at a time and takes all that came meanwhile, so a slow receiver gets larger calls, not
 * more of them. What was not taken goes first next time, after a growing pause; nothing is dropped.
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

  const run = async (): Promise<void> => {
    let tries = 0
    let refusingSince = 0
    while (pending.length + incoming.length > 0 && !signal.aborted) {
      const items = pending.length === 0 ? incoming : [...pending, ...incoming]
      pending = []
      incoming = []
      underWay = items.length
      if (tries === 0) refusingSince = clock.monotonic()
      const refused = await deliver(items)
      underWay = 0
      if (!refused) {
        tries = 0
        continue
      }
      pending = refused.items
      tries += 1
      onRefused(refused, clock.monotonic() - refusingSince)
      await sleep(clock, delayMs({ tries, charge: 'free' }, PAUSE, random()), signal)
    }
    running = undefined
  }

  return {
    get size() {
      return pending.length + incoming.length + underWay
    },
    push(item) {
      incoming.push(item)
      // One turn later, so that all verdicts of a batch go together.
      running ??= Promise.resolve().then(run)
    },
    async idle() {
      while (running) await running
    },
  }
}
