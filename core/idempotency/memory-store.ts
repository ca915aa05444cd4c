/** Keys in the memory of this process, gone with it: for tests, and for duplicates that come soon or not at all. */
import { type Clock, systemClock } from '../clock.ts'
import {
  type ClaimAnswer,
  type Claimant,
  type ClaimWrite,
  FENCE_MEMORY_MS,
  type IdempotencyStore,
  type KeyClaim,
  type WriteAnswer,
} from '../idempotency-store.ts'

interface Kept {
  readonly state: 'claimed' | 'done' | 'free'
  readonly owner: string
  readonly fence: number
  readonly fingerprint: string
  readonly result: string
  /** By the monotonic clock. */
  readonly leaseUntil: number
  readonly expiresAt: number
}

export interface MemoryIdempotencyOptions {
  /** Default: 100,000. Beyond it what was completed first is forgotten first; what is claimed never is. */
  readonly maxKeys?: number
  readonly clock?: Pick<Clock, 'now' | 'monotonic'>
}

const MAX_KEYS = 100_000

export const memoryIdempotency = ({
  maxKeys = MAX_KEYS,
  clock = systemClock,
}: MemoryIdempotencyOptions = {}): IdempotencyStore => {
  const all = new Map<string, Kept>()

  const alive = (key: string, now: number): Kept | undefined => {
    const kept = all.get(key)
    return kept && (kept.expiresAt > now || (kept.state === 'claimed' && kept.leaseUntil > now)) ? kept : undefined
  }
  const claimOne = ({ key, fingerprint }: KeyClaim, { owner, leaseMs }: Claimant): ClaimAnswer => {
    const now = clock.monotonic()
    const kept = alive(key, now)
    if (kept?.state === 'done') return { kind: 'done', fingerprint: kept.fingerprint, result: kept.result }
    if (kept?.state === 'claimed' && kept.leaseUntil > now) return { kind: 'busy', leftMs: kept.leaseUntil - now }
    const fence = Math.max((kept?.fence ?? 0) + 1, clock.now() * 1_000)
    const leaseUntil = now + leaseMs
    all.delete(key)
    all.set(key, {
      state: 'claimed',
      owner,
      fence,
      fingerprint,
      result: '',
      leaseUntil,
      expiresAt: leaseUntil + FENCE_MEMORY_MS,
    })
    return { kind: 'claimed', fence }
  }
  const writeOne = (write: ClaimWrite): WriteAnswer => {
    const kept = all.get(write.key)
    if (!kept || kept.owner !== write.owner || kept.fence !== write.fence) return 'lost'
    if (kept.state !== 'claimed') return stateAfter(write) === kept.state ? 'held' : 'lost'
    all.set(write.key, written(kept, write, clock.monotonic()))
    return 'held'
  }
  /** Oldest first, as a Map has them; claims are let be. */
  const makeRoom = (): void => {
    if (all.size <= maxKeys) return
    const now = clock.monotonic()
    let tooMany = all.size - maxKeys
    for (const [key, kept] of all) {
      if (tooMany === 0) return
      if (kept.state === 'claimed' && kept.leaseUntil > now) continue
      all.delete(key)
      tooMany -= 1
    }
  }

  return {
    async claim(claims, by) {
      const answers = claims.map(claim => claimOne(claim, by))
      makeRoom()
      return answers
    },
    write: async writes => writes.map(writeOne),
    async show(key) {
      const now = clock.monotonic()
      const kept = alive(key, now)
      if (!kept) return undefined
      const { leaseUntil, expiresAt, ...told } = kept
      const expiresInMs = expiresAt - now
      return { key, ...told, expiresInMs, ...(kept.state === 'claimed' ? { leaseLeftMs: leaseUntil - now } : {}) }
    },
    remove: async key => all.delete(key),
    async close() {},
  }
}

const stateAfter = ({ kind }: ClaimWrite): Kept['state'] | undefined =>
  kind === 'complete' ? 'done' : kind === 'release' ? 'free' : undefined

const written = (kept: Kept, write: ClaimWrite, now: number): Kept => {
  if (write.kind === 'renew') {
    const leaseUntil = now + write.leaseMs
    return { ...kept, leaseUntil, expiresAt: leaseUntil + FENCE_MEMORY_MS }
  }
  if (write.kind === 'release') return { ...kept, state: 'free', expiresAt: now + FENCE_MEMORY_MS }
  const { fingerprint, result, ttlMs } = write
  return { ...kept, state: 'done', fingerprint, result, expiresAt: now + ttlMs }
}
