/** What went wrong at the broker, as an error that says what to do; kafkajs wraps causes in causes. */
import { errorInfo, MillraceError } from '../../core/errors.ts'

interface KafkaError {
  readonly name?: unknown
  /** The broker's own word for it. */
  readonly type?: unknown
  /** Of the socket, or of its TLS. */
  readonly code?: unknown
  readonly message?: unknown
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
  chain(thrown).some(({ name, type, code }) => [name, type, code].some(word => names.includes(String(word))))

/** The group has moved on without us: our generation or membership is not valid any more. */
export const isFenced = (thrown: unknown): boolean =>
  isNamed(thrown, 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'FENCED_INSTANCE_ID')

type Code = 'SOURCE_FAILED' | 'SETTLE_FAILED' | 'SEND_FAILED'

interface Advice {
  readonly names: readonly string[]
  /** `again`: it may mend itself. */
  readonly effect: 'fatal' | 'again'
  readonly text: string | ((code: Code) => string)
}

/** The first that fits counts: a broken TLS is a connection that failed, too. */
const ADVICE: readonly Advice[] = [
  {
    names: [
      'KafkaJSSASLAuthenticationError',
      'SASL_AUTHENTICATION_FAILED',
      'ILLEGAL_SASL_STATE',
      'UNSUPPORTED_SASL_MECHANISM',
    ],
    effect: 'fatal',
    text: 'the broker does not accept these credentials; check sasl.mechanism, sasl.username and sasl.password',
  },
  {
    names: ['KafkaJSNotImplemented'],
    effect: 'fatal',
    text: 'its records are compressed in a way that is not known here; have producers use gzip, lz4, zstd or none',
  },
  {
    names: ['UNKNOWN_TOPIC_OR_PARTITION'],
    effect: 'again',
    text: 'the topic does not exist; create it, or correct its name: Millrace creates no topics',
  },
  {
    names: ['TOPIC_AUTHORIZATION_FAILED'],
    effect: 'fatal',
    text: code =>
      `this user may not do that; allow it ${code === 'SEND_FAILED' ? 'WRITE' : 'READ'} on the topic by an ACL`,
  },
  {
    names: ['GROUP_AUTHORIZATION_FAILED'],
    effect: 'fatal',
    text: 'this user may not do that; allow it READ on the group by an ACL',
  },
  {
    names: ['CLUSTER_AUTHORIZATION_FAILED'],
    effect: 'fatal',
    text: 'this user may not do that; allow it WRITE on the topic by an ACL, and before Kafka 2.8 IDEMPOTENT_WRITE on the cluster',
  },
  {
    names: [
      'SELF_SIGNED_CERT_IN_CHAIN',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'UNABLE_TO_GET_ISSUER_CERT',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    ],
    effect: 'fatal',
    text: "nobody trusted has signed the broker's certificate; give the authority that did as ssl.ca",
  },
  {
    names: ['ERR_TLS_CERT_ALTNAME_INVALID'],
    effect: 'fatal',
    text: "the broker's certificate is for another host; connect to a name that is in it, or set ssl.servername",
  },
  {
    names: ['KafkaJSConnectionError', 'KafkaJSConnectionClosedError', 'KafkaJSRequestTimeoutError', 'ECONNREFUSED'],
    effect: 'again',
    text: 'the broker cannot be reached; check brokers, and ssl',
  },
]

const CLIENT_CERTIFICATE: Advice = {
  names: [],
  effect: 'fatal',
  text: 'the broker does not accept this client by its certificate; check ssl.cert and ssl.key',
}

/** The broker's answer to a client's certificate, as TLS numbers it: bad, unsupported, revoked, expired, unknown, required. */
const REFUSED_CERTIFICATE = /SSL alert number (?:4[0-8]|116)\b/

const adviceFor = (thrown: unknown): Advice | undefined =>
  chain(thrown).some(({ message }) => REFUSED_CERTIFICATE.test(String(message)))
    ? CLIENT_CERTIFICATE
    : ADVICE.find(({ names }) => isNamed(thrown, ...names))

/** Where trying again cannot mend it the error is fatal. */
export const kafkaError = (code: Code, where: string, thrown: unknown): MillraceError => {
  const ours = chain(thrown).find(error => error instanceof MillraceError)
  if (ours instanceof MillraceError) return ours
  const known = adviceFor(thrown)
  const fatal = known?.effect === 'fatal'
  const advice = known ? `; ${typeof known.text === 'string' ? known.text : known.text(code)}` : ''
  return new MillraceError(
    fatal && code === 'SOURCE_FAILED' ? 'SOURCE_FATAL' : code,
    `${where}: ${errorInfo(thrown).message}${advice}`,
    { cause: thrown, fatal },
  )
}
