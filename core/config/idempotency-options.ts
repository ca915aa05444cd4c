/** The option `idempotency`: of a mapping, and at the top for all of them. */
import type { FunctionRecord } from '../function/record.ts'
import type { IdempotencyKey } from '../idempotency/key.ts'
import { isKeyPath, KEY_PATH_EXPECTED, type KeyPath } from '../idempotency/path.ts'
import { DEFAULT_LEASE, DEFAULT_TTL, LEASE_RANGE, TTL_RANGE } from '../idempotency/policy.ts'
import type { ConnectionValue } from './channel.ts'
import { choice, duration, type OptionSpec, option, type Values, type Written } from './option.ts'
import { group, isPlainObject, parseOptions } from './options.ts'

/** What tells the same events apart from others: a record before the function has it, with its body decoded. */
export type KeyedRecord = Pick<
  FunctionRecord,
  'id' | 'source' | 'time' | 'key' | 'headers' | 'properties' | 'position' | 'data'
>

type ReadKey = (record: KeyedRecord) => IdempotencyKey | null | undefined

/** Connections that can keep keys. */
const KEEPERS = ['redis', 'postgres'] as const

export type KeyKeeper = ConnectionValue<(typeof KEEPERS)[number]>

const isConnection = (value: unknown): value is ConnectionValue =>
  isPlainObject(value) &&
  typeof value.kind === 'string' &&
  typeof value.name === 'string' &&
  isPlainObject(value.options) &&
  !('address' in value)

const store = (doc: string, otherwise: string): OptionSpec<KeyKeeper, KeyKeeper | undefined> =>
  option({
    doc,
    takes: 'a connection',
    expected: `a Redis or PostgreSQL connection, like redis('cache')`,
    default: undefined,
    defaultText: otherwise,
    read: value =>
      isConnection(value) && KEEPERS.some(kind => kind === value.kind) ? (value as KeyKeeper) : undefined,
  })

const options = {
  key: option<KeyPath | ReadKey, KeyPath | ReadKey>({
    doc: 'What tells the same from another: `record.id`, `record.key`, a path like `data.order.id` or `headers.request-id`, or a function of the record. A record without one is parked.',
    takes: 'a path, or a function',
    expected: `${KEY_PATH_EXPECTED}, or a function`,
    default: 'record.id',
    defaultText: 'required',
    read: value => (isKeyPath(value) || typeof value === 'function' ? (value as KeyPath | ReadKey) : undefined),
  }),
  ttl: duration({
    ...TTL_RANGE,
    default: DEFAULT_TTL,
    doc: 'How long a key is remembered after it was processed: longer than its record may come again, replays of dead letters included.',
  }),
  lease: duration({
    ...LEASE_RANGE,
    default: DEFAULT_LEASE,
    doc: 'How long a claim is believed in without a sign of life. It is renewed while the function runs; after a crash others wait for so long, except for the keys of this machine’s state folder.',
  }),
  validate: option<boolean | ((record: KeyedRecord) => unknown), boolean | ((record: KeyedRecord) => unknown)>({
    doc: 'What has to be the same when the key is: the data (`true`), what a function says of the record, or nothing (`false`). A record with another payload is parked.',
    takes: '`true`, `false`, a function',
    expected: 'true, false or a function',
    default: true,
    defaultText: 'true',
    read: value =>
      typeof value === 'boolean' || typeof value === 'function'
        ? (value as (record: KeyedRecord) => unknown)
        : undefined,
  }),
  store: store(
    'Where the keys of this mapping are kept.',
    '`idempotency.store` at the top, else `state`, else the state folder',
  ),
  onStoreError: choice({
    of: ['fail', 'run'],
    default: 'fail',
    doc: 'While the store cannot be asked: nothing runs and records come again free of charge, or they run, and duplicates too.',
  }),
}

export type IdempotencyValue = Values<typeof options>

type MappingIdempotency = Written<typeof options> & Required<Pick<Written<typeof options>, 'key'>>

/** Of a mapping; left out: its function gets every record as often as it comes. */
export const idempotencyOption: OptionSpec<MappingIdempotency, IdempotencyValue | undefined> = {
  doc: 'Each record runs once for its key, however often it comes (docs/idempotency.md).',
  takes: 'an object',
  defaultText: 'none',
  default: undefined,
  inside: options,
  parse(written, path, fallback) {
    const parsed = parseOptions(options, written, path, fallback)
    const isMissing = isPlainObject(written) && written.key === undefined && fallback === undefined
    if (!isMissing) return parsed
    const problem = { path: `${path}.key`, message: `is missing; it must be ${KEY_PATH_EXPECTED}, or a function` }
    return { problems: 'problems' in parsed ? [problem, ...parsed.problems] : [problem] }
  },
}

/** At the top: for the mappings that have `idempotency`, and for functions that have it themselves. */
export const idempotencyTopOption = group({
  doc: '',
  options: {
    store: store('Where idempotency keys are kept, unless a mapping says otherwise.', '`state`, else the state folder'),
  },
})
