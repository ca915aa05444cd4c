/**
 * Any function, run once for each key.
 *
 *   key, payload ── claim ─┬─ claimed ──▶ run ─┬─ returned ── complete ─▶ the result
 *   (hashed, frozen)       │   (renewed)       └─ threw ──── release ──▶ the error; the next call runs it
 *                          ├─ done before ───────────────────────────▶ the first result, or: another payload
 *                          └─ in progress elsewhere ─ retry · wait · skip
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { type Clock, sleep, systemClock } from '../clock.ts'
import type { ClaimAnswer, IdempotencyStore } from '../idempotency-store.ts'
import { ownerToText, thisProcess } from '../owner.ts'
import { fingerprintOf, type IdempotencyKey, shownWith, storedKey } from './key.ts'
import { createLeases, type Held, type Leases } from './leases.ts'
import {
  checkName,
  type IdempotencyPolicy,
  type IdempotencyTimes,
  type OnStoreError,
  oneOf,
  policyOf,
} from './policy.ts'
import { inProgress, leaseLost, payloadDiffers, storeFailed, unreadable, waitsForItself } from './problems.ts'
import { type KeepResult, resultOf, resultText } from './result.ts'
import { writeSurely } from './writing.ts'

export interface IdempotentOptions<Input> extends IdempotencyTimes {
  readonly store: IdempotencyStore
  /** Who processes: keys of different names know nothing of each other. Keep it when you rename the function. */
  readonly name: string
  /** Tells what is the same. One that is missing is an error. */
  readonly key: (input: Input) => IdempotencyKey | null | undefined
  /**
   * What has to be the same when the key is: all of the input (`true`, the default), what this returns of it, or nothing
   * (`false`). Another payload is an error, IDEMPOTENCY_PAYLOAD_DIFFERS.
   */
  readonly validate?: boolean | ((input: Input) => unknown)
  /**
   * What a call comes to while another one is at it. `retry` (the default): it throws IDEMPOTENCY_IN_PROGRESS. `wait`: it
   * waits for the result, and runs itself if there is none. `skip`: it returns undefined.
   */
  readonly onInProgress?: 'retry' | 'wait' | 'skip'
  /** `keep` (the default): later calls get the first result. `none`: all get undefined, and nothing is stored. */
  readonly result?: KeepResult
  /** When the store cannot be asked. Default: `fail`. */
  readonly onStoreError?: OnStoreError
  readonly clock?: Clock
}

/** What a function is told when it runs. */
export interface IdempotencyContext {
  /** The same for every run of this key: for a downstream API that takes such a key. */
  readonly idempotencyKey: string
  /** Higher than in any run of this key before; a store that remembers the highest it saw can refuse outdated writers. */
  readonly fence: number
  /** Aborted when the claim is lost, or by the caller. */
  readonly signal: AbortSignal
}

type Answered<Result, Options> = Options extends { readonly result: 'none' }
  ? undefined
  : Options extends { readonly onInProgress: 'skip' }
    ? Result | undefined
    : Result

export type Idempotent<Input, Result> = (input: Input, call?: { readonly signal?: AbortSignal }) => Promise<Result>

/** What is being processed by the calls that this one is part of. */
const above = new AsyncLocalStorage<readonly string[]>()

/**
 * `fn`, run once for each key, in whichever process. What it returns is answered to all calls as it comes out of the store,
 * so that first and later answers are equal; classes become plain data. When it throws, the key is free again.
 *
 * A crash while it runs means another run after `lease`: give `idempotencyKey` to what it calls, `fence` to what it writes
 * to, or use `withTransaction`.
 */
export const idempotent = <Input, Result, const Options extends IdempotentOptions<NoInfer<Input>>>(
  fn: (input: Input, context: IdempotencyContext) => Result,
  options: Options,
): Idempotent<Input, Answered<Awaited<Result>, Options>> => {
  const { name, clock = systemClock } = options
  checkName('idempotent', name)
  const policy = policyOf(`idempotent ${name}`, options)
  const onInProgress = oneOf(`idempotent ${name}: onInProgress`, options.onInProgress ?? 'retry', [
    'retry',
    'wait',
    'skip',
  ])
  const owner = ownerToText(thisProcess())
  const by = { owner, leaseMs: policy.leaseMs }
  const parts: Parts = {
    store: options.store,
    consumer: name,
    policy,
    clock,
    owner,
    leases: createLeases({ store: options.store, clock, consumer: name, by }),
  }
  const call = async (input: Input, { signal = NEVER }: { readonly signal?: AbortSignal } = {}): Promise<unknown> => {
    const key = options.key(input)
    // Both are taken now: a function may change its input.
    const claim = { key: storedKey(name, key), fingerprint: fingerprintBy(options, input) }
    const shown = shownWith(key, claim.key)
    for (let pauseMs = FIRST_WAIT_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_WAIT_MS)) {
      signal.throwIfAborted()
      const askedAt = clock.monotonic()
      const answer = await claimOne(parts, claim)
      if (answer === 'unprotected') return fn(input, unprotected(claim.key, clock, signal))
      if (answer.kind === 'unreadable') throw unreadable(name, claim.key, answer.problem)
      if (answer.kind === 'done') {
        if (differs(claim.fingerprint, answer.fingerprint)) throw payloadDiffers(name, shown)
        return resultOf(name, answer.result)
      }
      if (answer.kind === 'claimed') {
        const held = parts.leases.hold(claim.key, answer.fence, askedAt)
        return runHeld(parts, { ...claim, shown, held }, () => fn(input, contextOf(held, signal)))
      }
      if (onInProgress === 'skip') return undefined
      if (onInProgress === 'retry') throw inProgress(name, shown, answer.leftMs)
      if (above.getStore()?.includes(claim.key)) throw waitsForItself(name, shown)
      await sleep(clock, Math.min(pauseMs, answer.leftMs + 1), signal)
    }
  }
  return call as Idempotent<Input, Answered<Awaited<Result>, Options>>
}

const FIRST_WAIT_MS = 10
const LONGEST_WAIT_MS = 500

const NEVER = new AbortController().signal

interface Parts {
  readonly store: IdempotencyStore
  readonly consumer: string
  readonly policy: IdempotencyPolicy
  readonly clock: Clock
  readonly owner: string
  readonly leases: Leases
}

interface Claimed {
  readonly key: string
  readonly fingerprint: string
  readonly shown: string
  readonly held: Held
}

const fingerprintBy = <Input>({ name, validate = true }: IdempotentOptions<Input>, input: Input): string => {
  if (validate === false) return ''
  return fingerprintOf(name, validate === true ? input : validate(input))
}

export const differs = (one: string, other: string): boolean => one !== '' && other !== '' && one !== other

const claimOne = async (
  { store, consumer, owner, policy }: Parts,
  claim: { readonly key: string; readonly fingerprint: string },
): Promise<ClaimAnswer | 'unprotected'> => {
  try {
    const [answer] = await store.claim([claim], { owner, leaseMs: policy.leaseMs })
    if (answer) return answer
    throw new Error('the store answered nothing')
  } catch (thrown) {
    if (policy.onStoreError === 'run') return 'unprotected'
    throw storeFailed(consumer, `the key ${claim.key} could not be claimed, and nothing was run`, thrown)
  }
}

const runHeld = async (parts: Parts, claimed: Claimed, run: () => unknown): Promise<unknown> => {
  const { key, held, fingerprint, shown } = claimed
  const { store, clock, consumer, policy, owner, leases } = parts
  const mine = { key, owner, fence: held.fence }
  let result: string
  try {
    result = resultText(await above.run([...(above.getStore() ?? []), key], async () => run()), policy.result)
  } catch (thrown) {
    leases.drop(held)
    // What the function threw is what the caller is told; a key that is not released is free after its lease.
    await store.write([{ kind: 'release', ...mine }]).catch(() => {})
    throw thrown
  }
  const giveUpAt = clock.monotonic() + policy.leaseMs
  const write = { kind: 'complete', ...mine, fingerprint, result, ttlMs: policy.ttlMs } as const
  try {
    const [answer] = await writeSurely(store, [write], { clock, giveUpAt })
    if (answer !== 'held') throw leaseLost(consumer, shown)
  } catch (thrown) {
    if (policy.onStoreError !== 'run' || isLost(thrown)) throw failedAfter(consumer, shown, thrown)
  } finally {
    leases.drop(held)
  }
  return resultOf(consumer, result)
}

const isLost = (thrown: unknown): boolean => (thrown as { code?: unknown }).code === 'IDEMPOTENCY_LEASE_LOST'

const failedAfter = (consumer: string, shown: string, thrown: unknown): unknown =>
  isLost(thrown)
    ? thrown
    : storeFailed(consumer, `the function ran for the key ${shown}, but the store could not be told`, thrown)

const contextOf = ({ key, fence, signal: lost }: Held, signal: AbortSignal): IdempotencyContext => ({
  idempotencyKey: key,
  fence,
  signal: signal === NEVER ? lost() : AbortSignal.any([signal, lost()]),
})

const unprotected = (key: string, clock: Clock, signal: AbortSignal): IdempotencyContext => ({
  idempotencyKey: key,
  fence: clock.now() * 1_000,
  signal,
})
