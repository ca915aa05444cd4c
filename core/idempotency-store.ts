/**
 * What remembers which keys were processed, and who is at it. Every write is a compare-and-set on (owner, fence), so that
 * whoever lost a claim changes nothing any more.
 *
 *   nothing ── claim ──▶ claimed ── complete ──▶ done ── ttl ──▶ nothing
 *                 ▲       │    │ renew
 *                 │       │ lease over, owner dead: the next claim takes it, with a higher fence
 *                 └─ free ◀┘ release
 *
 * `core/testing/idempotency` has the promises as a suite, published by `millrace/testing`: a store of one's own is one that
 * passes it.
 */
export interface IdempotencyStore {
  /**
   * Claims each of these keys, which are distinct, for `by`; answers for each, in their order. One round trip however many
   * they are, and each by itself. Of any number of claims of a key at once, one is answered `claimed`. A rejection says
   * that nothing is known: some of them may be claimed.
   */
  claim(claims: readonly KeyClaim[], by: Claimant): Promise<readonly ClaimAnswer[]>
  /**
   * Does each of these where the key is still held by that owner with that fence, in one round trip; answers which. Doing
   * one again answers `held` again, so that a write without an answer may be repeated. Resolves when it is durable.
   */
  write(writes: readonly ClaimWrite[]): Promise<readonly WriteAnswer[]>
  /** What is known of a key; undefined: nothing. For operators. */
  show(key: string): Promise<StoredKey | undefined>
  /** Forgets a key, whoever holds it; false when there was nothing. For operators. */
  remove(key: string): Promise<boolean>
  /** Gives back what the store opened itself. May be called twice. */
  close(): Promise<void>
}

/** How long the fence of a key is remembered that was released, in milliseconds: it rises over that. */
export const FENCE_MEMORY_MS = 3_600_000

export interface KeyClaim {
  /** `consumer:hash`, as a consumer has them; at most 255 printable ASCII characters. */
  readonly key: string
  /** Tells payloads apart, at most 64 characters. Empty: any payload is as good as another. */
  readonly fingerprint: string
}

export interface Claimant {
  /** One life of one process (core/owner.ts), or any text that nobody else has. */
  readonly owner: string
  /** Milliseconds, 1 or more, after which the claim is free for others unless it was renewed. */
  readonly leaseMs: number
  /**
   * Milliseconds for which they will be kept once they are completed, where that is known: a store may prepare for it. What
   * `complete` says counts. Default: nothing is known.
   */
  readonly ttlMs?: number
}

export type ClaimAnswer =
  /** Held until `leaseMs` have passed. `fence` is higher than any that the key had before. */
  | { readonly kind: 'claimed'; readonly fence: number }
  /** Completed before, with this result. */
  | { readonly kind: 'done'; readonly fingerprint: string; readonly result: string }
  /** Held by somebody else for so many milliseconds more, unless they renew it. */
  | { readonly kind: 'busy'; readonly leftMs: number }
  /** What is stored is not what a store of this version wrote; nobody may claim it. */
  | { readonly kind: 'unreadable'; readonly problem: string }

export type ClaimWrite = {
  readonly key: string
  readonly owner: string
  readonly fence: number
} & (
  | { readonly kind: 'renew'; readonly leaseMs: number }
  /** Kept for `ttlMs`. */
  | { readonly kind: 'complete'; readonly fingerprint: string; readonly result: string; readonly ttlMs: number }
  /** The next may have it, at once. */
  | { readonly kind: 'release' }
)

/** `lost`: nothing was changed, somebody else has the key, or nobody. */
export type WriteAnswer = 'held' | 'lost'

export interface StoredKey {
  readonly key: string
  readonly state: 'claimed' | 'done' | 'free' | 'unreadable'
  readonly owner: string
  readonly fence: number
  /** Of a claimed one: milliseconds until others may have it; 0 or less: they may. */
  readonly leaseLeftMs?: number
  /** Milliseconds until it is forgotten. */
  readonly expiresInMs: number
  readonly fingerprint: string
  readonly result: string
}
