/**
 * Signed webhooks: who sent a body, over its bytes as they came, before anything reads them.
 *
 *   headers ── read by the scheme ──▶ what was signed, when, and which signatures ── any secret fits ──▶ who: an id
 *                    │ missing, malformed                     │ too old, too new       │ none
 *                    └── 401 ◀────────────────────────────────┴───────────────────────┘
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Secret, SecretRef } from '../../../core/config/secret.ts'

type Text = string | SecretRef

/** What `verify` is given: made by githubWebhooks, stripeWebhooks and standardWebhooks. Plain data. */
export interface WebhookScheme {
  readonly scheme: SchemeName
  /** All that are in use: while one is exchanged for another, both are. */
  readonly secrets: readonly Text[]
  /** Milliseconds by which a signature may be older or newer than now; undefined where the scheme says no time. */
  readonly toleranceMs: number | undefined
}

export type SchemeName = 'github' | 'stripe' | 'standard'

/** The same with its secrets resolved. */
export interface ResolvedScheme extends Omit<WebhookScheme, 'secrets'> {
  readonly secrets: readonly (string | Secret)[]
}

/** A request as far as signatures go. */
export interface Signed {
  /** By their names in lower case; several of a name are joined with `, `. */
  readonly header: (name: string) => string | undefined
  readonly body: Uint8Array
}

/** What the headers of a request claim. */
export interface Claim {
  /** The bytes that were signed. */
  readonly content: readonly (string | Uint8Array)[]
  /** Seconds since the epoch; undefined where the scheme says no time. */
  readonly timestamp: number | undefined
  /** Any of them has to be right. */
  readonly signatures: readonly Uint8Array[]
  /** The same when the webhook is delivered again; undefined where only the body may say. */
  readonly id: string | undefined
}

/** How one scheme reads headers and secrets. */
export interface SchemeRules {
  /** Undefined: they are missing, or no signature of this scheme. */
  readonly claim: (signed: Signed) => Claim | undefined
  /** The key in a secret; undefined: it is none. */
  readonly key: (secret: string) => Uint8Array | undefined
}

export type Verified = { readonly id: string | undefined } | { readonly refused: string }

/** `keys`: of all secrets. `now`: milliseconds since the epoch. What it says of a refusal tells nobody how to do better. */
export const verify = (
  rules: SchemeRules,
  keys: readonly Uint8Array[],
  toleranceMs: number | undefined,
  signed: Signed,
  now: number,
): Verified => {
  const claim = rules.claim(signed)
  if (!claim) return { refused: 'the signature is missing or malformed' }
  // Each secret with each signature, whether or not one was right already: how long it takes says nothing.
  let fits = 0
  for (const key of keys) {
    const expected = signatureOf(key, claim.content)
    for (const signature of claim.signatures) fits += isSame(expected, signature) ? 1 : 0
  }
  if (fits === 0) return { refused: 'the signature does not fit the body' }
  if (claim.timestamp !== undefined && toleranceMs !== undefined) {
    const ageMs = now - claim.timestamp * 1_000
    if (Math.abs(ageMs) > toleranceMs) return { refused: `the signature is too ${ageMs > 0 ? 'old' : 'new'}` }
  }
  return { id: claim.id }
}

const signatureOf = (key: Uint8Array, content: Claim['content']): Uint8Array => {
  const hmac = createHmac('sha256', key)
  for (const part of content) hmac.update(part)
  return hmac.digest()
}

const isSame = (one: Uint8Array, other: Uint8Array): boolean =>
  one.byteLength === other.byteLength && timingSafeEqual(one, other)

/** A whole number of seconds and nothing else: `parseInt` would take `1614265330abc`. */
export const secondsOf = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) : undefined
