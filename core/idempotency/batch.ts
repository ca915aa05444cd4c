/**
 * The records of one batch, each run once for its key: claimed together, told together.
 *
 *   keys ── claim ─┬─ claimed ──▶ run ─┬─ returned ── complete ─┐
 *                  │                   └─ threw ────── release ─┤
 *                  ├─ done before ─▶ accepted                   ├─ one round trip, or one every 20 ms
 *                  ├─ in progress elsewhere ─▶ untried          │
 *                  └─ never came to its turn ────────── release ─┘
 */
import type { Clock } from '../clock.ts'
import { wrapError } from '../errors.ts'
import type { ClaimAnswer, IdempotencyStore, KeyClaim } from '../idempotency-store.ts'
import { fingerprintOf, shownWith, storedKey } from './key.ts'
import { createLeases, type Held } from './leases.ts'
import type { OnStoreError } from './policy.ts'
import { inProgress, leaseLost, payloadDiffers, storeFailed, unreadable } from './problems.ts'
import { createWriter } from './writer.ts'

/** What a record that runs is told. */
export type Granted = Pick<Held, 'key' | 'fence'> & { readonly signal: Held['signal'] | undefined }

export interface Guard<Record> {
  /** What keeps records together that have one key: they run one after the other. */
  keyOf(record: Record): string | undefined
  /** Runs a record, or does not because it was done before. Rejects with why it failed, or was not run. */
  run(record: Record, run: (granted: Granted) => unknown): Promise<void>
  /** Tells the store what became of all of them. Answers which were run and are not known to be completed. Once. */
  finish(): Promise<ReadonlyMap<Record, Error>>
}

export interface GuardParts<Record> {
  readonly store: IdempotencyStore
  readonly consumer: string
  readonly owner: string
  readonly leaseMs: number
  readonly ttlMs: number
  readonly onStoreError: OnStoreError
  readonly clock: Clock
  readonly key: (record: Record) => unknown
  /** Undefined: any payload is as good as another. */
  readonly payload: ((record: Record) => unknown) | undefined
}

interface Item extends KeyClaim {
  readonly shown: string
  /** As a store has them: what stood before the key was claimed. */
  answer: ClaimAnswer | undefined
  held: Held | undefined
  /** `unprotected`: the store could not be asked, and it was said to run it. */
  state: 'waiting' | 'running' | 'completed' | 'released' | 'unprotected'
}

/** Claims the keys of a batch. Rejects with IDEMPOTENCY_STORE_FAILED where nothing is to run without that. */
export const guardBatch = async <Record extends object>(
  batch: readonly Record[],
  parts: GuardParts<Record>,
): Promise<Guard<Record>> => {
  const { store, consumer, owner, leaseMs, ttlMs, clock } = parts
  const by = { owner, leaseMs, ttlMs }
  const items = new Map<Record, Item | Error>()
  /** The record of the batch that a key was claimed for: the first, or the one that came after it failed. */
  const byKey = new Map<string, Item>()
  const problems = new Map<Record, Error>()
  const leases = createLeases({ store, clock, consumer, by })
  const writer = createWriter({ store, clock, giveUpAt: () => clock.monotonic() + leaseMs })

  for (const record of batch) {
    const item = itemOf(record, parts)
    items.set(record, item)
    if (!(item instanceof Error) && !byKey.has(item.key)) byKey.set(item.key, item)
  }

  const claim = async (wanted: readonly Item[]): Promise<void> => {
    if (wanted.length === 0) return
    const askedAt = clock.monotonic()
    let answers: readonly ClaimAnswer[]
    try {
      answers = await store.claim(wanted, by)
    } catch (thrown) {
      if (parts.onStoreError === 'fail')
        throw storeFailed(consumer, 'keys could not be claimed, nothing was run', thrown)
      for (const item of wanted) item.state = 'unprotected'
      return
    }
    for (const [index, item] of wanted.entries()) {
      const answer = answers[index]
      item.answer = answer
      if (answer?.kind === 'claimed') item.held = leases.hold(item.key, answer.fence, askedAt)
    }
  }
  const write = (record: Record | undefined, item: Item, kind: 'complete' | 'release'): void => {
    const { held, key, fingerprint } = item
    if (!held) return
    leases.drop(held)
    item.state = kind === 'complete' ? 'completed' : 'released'
    const mine = { key, owner, fence: held.fence }
    writer.add(kind === 'release' ? { kind, ...mine } : { kind, ...mine, fingerprint, result: '', ttlMs }, answer => {
      if (!record || kind === 'release' || answer === 'held') return
      const failed = answer === 'lost' ? leaseLost(consumer, item.shown) : notTold(consumer, item.shown, answer.failed)
      problems.set(record, failed)
    })
  }
  const runItem = async (record: Record, item: Item, run: (granted: Granted) => unknown): Promise<void> => {
    const granted = item.held ?? { key: item.key, fence: clock.now() * 1_000, signal: undefined }
    if (item.held) item.state = 'running'
    try {
      await run(granted)
    } catch (thrown) {
      write(undefined, item, 'release')
      throw thrown
    }
    write(record, item, 'complete')
  }
  /** One whose key an earlier record of the batch had: that one has ended. */
  const runAgain = async (
    record: Record,
    item: Item,
    first: Item,
    run: (granted: Granted) => unknown,
  ): Promise<void> => {
    if (first.state === 'completed') {
      if (first.fingerprint !== item.fingerprint) throw payloadDiffers(consumer, item.shown)
      followers.push([record, first])
      return
    }
    if (first.state === 'released') {
      await writer.flush()
      byKey.set(item.key, item)
      await claim([item])
    } else {
      item.answer = first.answer
      item.state = first.state
    }
    await decide(record, item, run)
  }
  const decide = async (record: Record, item: Item, run: (granted: Granted) => unknown): Promise<void> => {
    if (item.held || item.state === 'unprotected') return runItem(record, item, run)
    const { answer } = item
    if (answer?.kind === 'done') {
      if (answer.fingerprint !== '' && item.fingerprint !== '' && answer.fingerprint !== item.fingerprint)
        throw payloadDiffers(consumer, item.shown)
      return
    }
    if (answer?.kind === 'unreadable') throw unreadable(consumer, item.key, answer.problem)
    throw inProgress(consumer, item.shown, answer?.kind === 'busy' ? answer.leftMs : leaseMs)
  }
  const followers: (readonly [Record, Item])[] = []

  await claim([...byKey.values()])
  return {
    keyOf(record) {
      const item = items.get(record)
      return item instanceof Error ? undefined : item?.key
    },
    async run(record, run) {
      const item = items.get(record)
      if (!item || item instanceof Error) throw item
      const first = byKey.get(item.key)
      await (first && first !== item ? runAgain(record, item, first, run) : decide(record, item, run))
    },
    async finish() {
      for (const item of byKey.values()) if (item.state === 'waiting') write(undefined, item, 'release')
      await writer.flush()
      for (const [record, first] of followers) {
        const problem = [...problems].find(([failed]) => items.get(failed) === first)
        if (problem) problems.set(record, problem[1])
      }
      return problems
    },
  }
}

const itemOf = <Record>(record: Record, { consumer, key, payload }: GuardParts<Record>): Item | Error => {
  try {
    const value = key(record)
    const fingerprint = payload ? fingerprintOf(consumer, payload(record)) : ''
    const stored = storedKey(consumer, value)
    return {
      key: stored,
      fingerprint,
      shown: shownWith(value, stored),
      answer: undefined,
      held: undefined,
      state: 'waiting',
    }
  } catch (thrown) {
    return wrapError('IDEMPOTENCY_KEY_INVALID', `${consumer}: the key of a record could not be read`, thrown)
  }
}

const notTold = (consumer: string, shown: string, thrown: unknown): Error =>
  storeFailed(consumer, `the function ran for the key ${shown}, but the store could not be told`, thrown)
