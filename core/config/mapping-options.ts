/** The options of a mapping that `defaults` may set for all of them: how records are batched, retried and given up. */
import { filterOption } from './filter-option.ts'
import { idempotencyOption } from './idempotency-options.ts'
import {
  choice,
  decimal,
  duration,
  flag,
  type OptionSpec,
  option,
  size,
  texts,
  type Values,
  type Written,
  whole,
} from './option.ts'
import { group } from './options.ts'

const backoff = {
  initial: duration({ min: '1ms', max: '1h', default: '1s', doc: 'The longest the first wait may be.' }),
  factor: decimal({ min: 1, max: 10, default: 2, doc: 'How much longer each further wait may be.' }),
  max: duration({ min: '1ms', max: '7d', default: '5m', doc: 'No wait is longer than this.' }),
  jitter: choice({
    of: ['full', 'none'],
    default: 'full',
    doc: '`full`: a wait is drawn between 0 and its length, so that failed records do not come back together.',
  }),
}

const breaker = {
  failures: whole({
    min: 1,
    max: 10_000,
    default: 10,
    doc: 'Distinct records that must fail without a success in between; then polling stops and single records probe.',
  }),
  initial: duration({ min: '10ms', max: '1h', default: '1s', doc: 'The pause before the first probe; it doubles.' }),
  max: duration({ min: '10ms', max: '1d', default: '1m', doc: 'No pause between probes is longer than this.' }),
}

const breakerGroup = group({ doc: '', options: breaker })

/** An open breaker needs infinitely many failures when it was switched off. */
const OFF: Values<typeof breaker> = { failures: Number.POSITIVE_INFINITY, initial: 1_000, max: 60_000 }

const breakerOrOff: OptionSpec<Written<typeof breaker> | false, Values<typeof breaker>> = {
  ...breakerGroup,
  takes: 'an object, or `false` for none',
  parse: (value, path, fallback) =>
    value === false
      ? { value: OFF }
      : breakerGroup.parse(value, path, fallback === OFF ? breakerGroup.default : fallback),
}

/** Every option of a mapping but what it connects. */
export const policyOptions = {
  order: choice({
    of: ['lane', 'key', 'none'],
    otherwise: '`lane` on ordered sources, else `none`',
    doc: 'What keeps its order: a whole lane, the records of one key, or nothing.',
  }),
  format: choice({
    of: ['millrace', 'lambda', 'cloudevents'],
    default: 'millrace',
    doc: "In which form the function gets its records: Millrace's own, the event AWS Lambda has for that kind of source, or CloudEvents 1.0 (docs/event-formats.md).",
  }),
  batchSize: whole({ min: 1, max: 10_000, default: 100, doc: 'Records in a batch at most.' }),
  batchWindow: duration({
    min: '0s',
    max: '5m',
    default: '0s',
    doc: 'How long a batch that is not full waits for more after its first record.',
  }),
  batchBytes: size({
    min: '1 KB',
    max: '256 MB',
    default: '6 MB',
    doc: 'Bodies in a batch at most, unless one alone is larger.',
  }),
  maxConcurrency: whole({ min: 1, max: 1_000, default: 10, doc: 'Batches of the mapping that run at once.' }),
  maxInFlight: whole({
    min: 1,
    max: 1_000_000,
    otherwise: '2 × batchSize × maxConcurrency',
    doc: 'Records claimed and not yet settled at most.',
  }),
  maxInFlightBytes: size({ min: '1 KB', max: '64 GB', default: '64 MB', doc: 'Their bodies at most.' }),
  maxAttempts: whole({
    min: 1,
    max: 1_000,
    default: 8,
    doc: 'Failures after which a record is parked as a dead letter.',
  }),
  maxAge: duration({
    min: '1s',
    max: '3650d',
    doc: 'A record older than this, by its own time, is parked instead of tried.',
  }),
  maxFreeWait: duration({
    min: '1s',
    max: '30d',
    default: '6h',
    doc: 'A record that could only be tried free of charge for this long is parked as starved.',
  }),
  backoff: group({ doc: 'How long a failed record waits.', options: backoff }),
  bisect: flag({ default: true, doc: 'Whether a batch that threw is split to find the record that made it throw.' }),
  breaker: breakerOrOff,
  onDeadLetter: choice({
    of: ['continue', 'stop'],
    default: 'continue',
    doc: 'In an ordered lane or key: whether the records behind a dead letter go on, or stay where they are, over restarts too, until it was replayed with success or `millrace resume` says go on.',
  }),
  notRetryable: texts({
    takes: 'names or codes of errors',
    doc: 'A record that fails with one of these is parked at once.',
  }),
  drainTimeout: duration({
    min: '0s',
    max: '15m',
    default: '25s',
    doc: 'How long running invocations may go on when the app stops.',
  }),
  settleTimeout: duration({
    min: '1s',
    max: '1h',
    default: '60s',
    doc: 'A source that takes no verdict for this long is closed and opened again.',
  }),
  filter: filterOption,
  idempotency: idempotencyOption,
  enabled: flag({ default: true, doc: 'A mapping that is not enabled does not start.' }),
}

export type PolicyValues = Values<typeof policyOptions>
export type PolicyWritten = Written<typeof policyOptions>

/** The words of `option` for what the values of a mapping point at; checked where channels and functions are known. */
export const linkOptions = {
  source: option({
    doc: 'The channel to read, or `channel.read({ group, start })`.',
    takes: 'a channel',
    expected: 'a channel, or what channel.read() returns',
    default: undefined,
    defaultText: 'required',
    read: value => value,
  }),
  function: option({
    doc: 'A name of `functions`, or a handler itself, which then runs inside the app (`inline`).',
    takes: 'a name, or a handler',
    expected: 'the name of a function, or a handler',
    default: undefined,
    defaultText: 'required',
    read: value => value,
  }),
  deadLetters: group({
    doc: '',
    options: {
      to: option({
        doc: 'Where dead letters are sent too, once they are stored.',
        takes: 'a channel, or several',
        expected: 'a channel, or a list of channels',
        default: undefined,
        defaultText: 'none',
        read: value => value,
      }),
      format: choice({
        of: ['record', 'envelope'],
        default: 'record',
        doc: 'What is sent there: the record as it was, its story in headers, or the whole letter as JSON, stacks included (docs/dead-letters.md).',
      }),
    },
  }),
}
