/** What users write for `verify`, and what is made of it when a place is opened. */
import { type Duration, parseDuration } from '../../../core/config/duration.ts'
import { isText, option } from '../../../core/config/option.ts'
import { reveal, type SecretRef } from '../../../core/config/secret.ts'
import { MillraceError } from '../../../core/errors.ts'
import { githubRules } from './github.ts'
import { standardRules } from './standard.ts'
import { stripeEventId, stripeRules } from './stripe.ts'
import {
  type ResolvedScheme,
  type SchemeName,
  type SchemeRules,
  type Signed,
  type Verified,
  verify,
  type WebhookScheme,
} from './verify.ts'

type Text = string | SecretRef
type Secrets = Text | readonly Text[]

export interface WebhookOptions {
  /** By how much a signature may be older or newer than now. Default: '5m'. */
  readonly tolerance?: Duration
}

const TOLERANCE: Duration = '5m'

/** GitHub's. Give several secrets while you exchange one for another. GitHub signs no time: `idempotency` tells repetitions. */
export const githubWebhooks = (secrets: Secrets): WebhookScheme => scheme('github', secrets, undefined)

/** Stripe's; the secret of an endpoint begins with `whsec_`. */
export const stripeWebhooks = (secrets: Secrets, options: WebhookOptions = {}): WebhookScheme =>
  scheme('stripe', secrets, options.tolerance ?? TOLERANCE)

/** Those of standardwebhooks.com, as Svix and many others send them; a secret is base64, `whsec_` before it or not. */
export const standardWebhooks = (secrets: Secrets, options: WebhookOptions = {}): WebhookScheme =>
  scheme('standard', secrets, options.tolerance ?? TOLERANCE)

const scheme = (name: SchemeName, secrets: Secrets, tolerance: Duration | undefined): WebhookScheme => ({
  scheme: name,
  secrets: isList(secrets) ? secrets : [secrets],
  toleranceMs: tolerance === undefined ? undefined : (parseDuration(tolerance) ?? Number.NaN),
})

const isList = (secrets: Secrets): secrets is readonly Text[] => Array.isArray(secrets)

const RULES: Readonly<Record<SchemeName, SchemeRules>> = {
  github: githubRules,
  stripe: stripeRules,
  standard: standardRules,
}

const isScheme = (value: unknown): value is WebhookScheme => {
  if (typeof value !== 'object' || value === null) return false
  const { scheme: name, secrets, toleranceMs } = value as Readonly<Record<string, unknown>>
  return (
    typeof name === 'string' &&
    Object.hasOwn(RULES, name) &&
    Array.isArray(secrets) &&
    secrets.length > 0 &&
    secrets.every(isText) &&
    (toleranceMs === undefined || (typeof toleranceMs === 'number' && toleranceMs >= 1_000))
  )
}

export const verifyOption = option<WebhookScheme, WebhookScheme | undefined>({
  doc: 'Signed webhooks: bodies whose signature is not right, or not of now, are answered 401 before anything reads them.',
  takes: '`githubWebhooks(secret)`, `stripeWebhooks(secret)`, `standardWebhooks(secret)`; several secrets as a list',
  expected:
    'what githubWebhooks, stripeWebhooks or standardWebhooks return: of one secret or more, tolerance of 1s or more',
  default: undefined,
  defaultText: 'none',
  read: value => (isScheme(value) ? value : undefined),
})

export type VerifySigned = (signed: Signed, now: number) => Verified

/** Throws CONFIG_INVALID for a secret that is none, without showing it. */
export const verifierOf = (address: string, { scheme: name, secrets, toleranceMs }: ResolvedScheme): VerifySigned => {
  const rules = RULES[name]
  const keys = secrets.map((secret, index) => {
    const key = rules.key(reveal(secret))
    if (key && key.byteLength > 0) return key
    throw new MillraceError(
      'CONFIG_INVALID',
      `channels.${address}.verify: secret ${index + 1} of ${secrets.length} is no secret of ${name} webhooks; copy it from where the webhook is set up`,
      { fatal: true },
    )
  })
  return (signed, now) => {
    const verified = verify(rules, keys, toleranceMs, signed, now)
    return name === 'stripe' && 'id' in verified ? { id: stripeEventId(signed.body) } : verified
  }
}
