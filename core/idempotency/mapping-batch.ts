/** Which records of a batch a function is given, and what is known of the others. Pure. */
import type { ClaimAnswer } from '../idempotency-store.ts'
import type { Keyed } from './mapping-keys.ts'
import { inProgress, payloadDiffers, unreadable } from './problems.ts'

export type Fate =
  /** Its function gets it; `fence` where its key was claimed for it. */
  | { readonly kind: 'given'; readonly fence: number | undefined }
  /** Processed before, with this payload. */
  | { readonly kind: 'done' }
  /** Has the key of an earlier record of the batch, on whose fate its own hangs. */
  | { readonly kind: 'follows'; readonly first: number }
  /** Trying it again cannot mend it, or can. */
  | { readonly kind: 'failed'; readonly error: Error; readonly retryable: boolean }
  /** Comes again, free of charge. */
  | { readonly kind: 'untried'; readonly error: Error | undefined }

export interface Asked {
  readonly consumer: string
  readonly keys: readonly Keyed[]
  /** By key; `unprotected` where the store could not be asked and the function is to run all the same. */
  readonly answers: ReadonlyMap<string, ClaimAnswer> | 'unprotected'
  /** Within which order holds; null: no order. */
  readonly scopes: readonly (string | null)[]
}

/** In an order scope, nothing is given behind a record that is not: that would be out of order. */
export const fatesOf = (asked: Asked): readonly Fate[] => {
  const firsts = new Map<string, number>()
  const closed = new Set<string>()
  const fates: Fate[] = []
  for (const [index, keyed] of asked.keys.entries()) {
    const scope = asked.scopes[index] ?? null
    const fate: Fate =
      scope !== null && closed.has(scope)
        ? { kind: 'untried', error: undefined }
        : fateOf(asked, keyed, index, firsts, fates)
    fates.push(fate)
    if (scope !== null && fate.kind !== 'given' && fate.kind !== 'done') closed.add(scope)
  }
  return fates
}

const fateOf = (
  { consumer, answers }: Asked,
  keyed: Keyed,
  index: number,
  firsts: Map<string, number>,
  fates: readonly Fate[],
): Fate => {
  if (keyed.kind === 'undecodable') return { kind: 'given', fence: undefined }
  if (keyed.kind === 'keyless') return { kind: 'failed', error: keyed.error, retryable: false }
  const { key, shown } = keyed
  const first = firsts.get(key)
  if (first === undefined) firsts.set(key, index)
  else if (fates[first]?.kind === 'given') return { kind: 'follows', first }
  else if (fates[first]?.kind === 'untried') return { kind: 'untried', error: undefined }
  if (answers === 'unprotected') return { kind: 'given', fence: undefined }
  const answer = answers.get(key)
  if (answer?.kind === 'claimed') return { kind: 'given', fence: answer.fence }
  if (answer?.kind === 'unreadable')
    return { kind: 'failed', error: unreadable(consumer, key, answer.problem), retryable: true }
  if (answer?.kind === 'done')
    return differ(answer.fingerprint, keyed.fingerprint)
      ? { kind: 'failed', error: payloadDiffers(consumer, shown), retryable: false }
      : { kind: 'done' }
  return { kind: 'untried', error: inProgress(consumer, shown, answer?.leftMs ?? 0) }
}

export const differ = (one: string, other: string): boolean => one !== '' && other !== '' && one !== other
