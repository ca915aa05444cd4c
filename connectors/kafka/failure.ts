/** What went wrong at the broker, as an error that says what to do; kafkajs wraps causes in causes. */
import { errorInfo, MillraceError } from '../../core/errors.ts'

interface KafkaError {
  readonly name?: unknown
  /** The broker's own word for it. */
  readonly type?: unknown
  readonly cause?: unknown
}

/** The error and what it came from, outermost first. */
const chain = (thrown: unknown): readonly KafkaError[] => {
  const errors: KafkaError[] = []
  for (let error = thrown; typeof error === 'object' && error !== null; error = (error as KafkaError).cause) {
    if (errors.includes(error as KafkaError)) break
    errors.push(error as KafkaError)
  }
  return errors
}

export const isNamed = (thrown: unknown, ...names: readonly string[]): boolean =>
  chain(thrown).some(error => names.includes(String(error.name)) || names.includes(String(error.type)))

/** The group has moved on without us: our generation or membership is not valid any more. */
export const isFenced = (thrown: unknown): boolean =>
  isNamed(thrown, 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'FENCED_INSTANCE_ID')

const ADVICE: readonly (readonly [names: readonly string[], fatal: 'fatal' | 'again', advice: string])[] = [
  [
    [
      'KafkaJSSASLAuthenticationError',
      'SASL_AUTHENTICATION_FAILED',
      'ILLEGAL_SASL_STATE',
      'UNSUPPORTED_SASL_MECHANISM',
    ],
    'fatal',
    'the broker does not accept these credentials; check sasl.mechanism, sasl.username and sasl.password',
  ],
  [
    ['KafkaJSNotImplemented'],
    'fatal',
    'its records are compressed in a way that is not known here; have producers use gzip, lz4, zstd or none',
  ],
  [
    ['UNKNOWN_TOPIC_OR_PARTITION'],
    'again',
    'the topic does not exist; create it, or correct its name: Millrace creates no topics',
  ],
  [
    ['TOPIC_AUTHORIZATION_FAILED', 'GROUP_AUTHORIZATION_FAILED', 'CLUSTER_AUTHORIZATION_FAILED'],
    'again',
    'this user may not do that; allow it by an ACL',
  ],
  [
    ['KafkaJSConnectionError', 'KafkaJSConnectionClosedError', 'KafkaJSRequestTimeoutError', 'ECONNREFUSED'],
    'again',
    'the broker cannot be reached; check brokers, and ssl',
  ],
]

/** Where trying again cannot mend it the error is fatal. */
export const kafkaError = (
  code: 'SOURCE_FAILED' | 'SETTLE_FAILED' | 'SEND_FAILED',
  where: string,
  thrown: unknown,
): MillraceError => {
  const ours = chain(thrown).find(error => error instanceof MillraceError)
  if (ours instanceof MillraceError) return ours
  const known = ADVICE.find(([names]) => isNamed(thrown, ...names))
  const fatal = known?.[1] === 'fatal'
  const advice = known ? `; ${known[2]}` : ''
  return new MillraceError(
    fatal && code === 'SOURCE_FAILED' ? 'SOURCE_FATAL' : code,
    `${where}: ${errorInfo(thrown).message}${advice}`,
    { cause: thrown, fatal },
  )
}
