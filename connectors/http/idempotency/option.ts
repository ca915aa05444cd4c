/** Whether a place answers a request that is sent again as it answered it first. */
import { type Duration, formatDuration, parseDuration } from '../../../core/config/duration.ts'
import { option } from '../../../core/config/option.ts'

export interface IdempotencyWritten {
  /** `header`: the client's `Idempotency-Key`. `webhook`: the id of a verified delivery. Default: 'header'. */
  readonly by?: 'header' | 'webhook'
  /** Whether a request without a key is answered 400. Default: true. */
  readonly required?: boolean
  /** How long an answer is kept. Default: '1d'. */
  readonly ttl?: Duration
}

export interface Idempotency {
  readonly by: 'header' | 'webhook'
  readonly required: boolean
  readonly ttlMs: number
}

const FIELDS = ['by', 'required', 'ttl']
const DEFAULT_TTL: Duration = '1d'
const MIN_TTL_MS = 1_000
const MAX_TTL_MS = 365 * 86_400_000

const read = (value: unknown): Idempotency | undefined => {
  if (typeof value !== 'object' || value === null) return undefined
  const { by = 'header', required = true, ttl = DEFAULT_TTL } = value as Readonly<Record<string, unknown>>
  const ttlMs = parseDuration(ttl)
  const isRight =
    Object.keys(value).every(name => FIELDS.includes(name)) &&
    (by === 'header' || by === 'webhook') &&
    typeof required === 'boolean' &&
    ttlMs !== undefined &&
    ttlMs >= MIN_TTL_MS &&
    ttlMs <= MAX_TTL_MS
  return isRight ? { by, required, ttlMs } : undefined
}

export const idempotencyOption = option<IdempotencyWritten, Idempotency | undefined>({
  doc: `A request that is sent again with its key (\`by\`: its \`Idempotency-Key\`, or the id of a verified \`webhook\`) gets the first answer; kept for \`ttl\` (${formatDuration(parseDuration(DEFAULT_TTL) ?? 0)}). Without a key it is a 400, unless \`required\` is false.`,
  takes: '`{ by?, required?, ttl? }`',
  expected: "an object like { by: 'header', required: true, ttl: '1d' }",
  default: undefined,
  defaultText: 'none',
  read,
})
