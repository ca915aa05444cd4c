/** Whatever is wrong is said, each time with its path and in these words. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { embedded } from '../../../connectors/embedded/channel.ts'
import { onBatch } from '../../../core/function/on-batch.ts'
import { dead, local, orders, problemsOf, receipts, withMapping } from './configured.ts'

const handlerForReceipts = onBatch(receipts, async () => undefined)
const again = embedded({ path: '/elsewhere' })

/** What is written, and exactly what is said about it. */
const WRONG: readonly (readonly [written: unknown, ...problems: string[]])[] = [
  [undefined, 'the configuration must be an object, got undefined; export default defineConfig({ … })'],
  [[], 'the configuration must be an object, got []; export default defineConfig({ … })'],
  [{ name: 'shop' }, 'mappings is missing; an app that only sends has mappings: {}'],
  [
    { mappings: {} },
    'name is missing; it must be 1 to 100 letters, digits, "_", "-" or ".", starting with a letter or digit',
  ],
  [
    withMapping({}, { name: 'a b' }),
    'name must be 1 to 100 letters, digits, "_", "-" or ".", starting with a letter or digit, got \'a b\'',
  ],
  [withMapping({}, { mapping: {} }), 'mapping is not an option; did you mean mappings?'],
  [withMapping({}, { stateDir: 7 }), 'stateDir must be the path of a folder, got 7'],
  [
    withMapping({}, { maxInFlightBytes: '1 KB' }),
    "maxInFlightBytes must be a size between 1 MB and 1024 GB, like '1024 GB', got '1 KB'",
  ],
  [withMapping({}, { channels: orders }), /^channels must be a list of channels, got \{/.source],
  [
    withMapping({}, { channels: ['local/x'] }),
    "channels.0 must be a channel, got 'local/x'; make one from a connection: embedded().queue(name)",
  ],
  [{ name: 'shop', mappings: [] }, 'mappings must be an object, got []'],
  [{ name: 'shop', mappings: { orders: 1 } }, 'mappings.orders must be an object, got 1'],
  [withMapping({ batchSize: 0 }), 'mappings.orders.batchSize must be between 1 and 10000, got 0'],
  [withMapping({ batchSize: 10_001 }), 'mappings.orders.batchSize must be between 1 and 10000, got 10001'],
  [withMapping({ batchSize: 1.5 }), 'mappings.orders.batchSize must be between 1 and 10000, got 1.5'],
  [withMapping({ batchSize: '100' }), "mappings.orders.batchSize must be between 1 and 10000, got '100'"],
  [withMapping({ batchSize: Number.NaN }), 'mappings.orders.batchSize must be between 1 and 10000, got NaN'],
  [withMapping({ batchSiz: 5 }), 'mappings.orders.batchSiz is not an option; did you mean batchSize?'],
  [withMapping({ batchsize: 5 }), 'mappings.orders.batchsize is not an option; did you mean batchSize?'],
  [
    withMapping({ backoff: { intial: '1s' } }),
    'mappings.orders.backoff.intial is not an option; did you mean initial?',
  ],
  [withMapping({ backoff: '1s' }), "mappings.orders.backoff must be an object, got '1s'"],
  [
    withMapping({ backoff: { colour: 1 } }),
    'mappings.orders.backoff.colour is not an option; known here: initial, factor, max, jitter',
  ],
  [
    withMapping({ batchWindow: '6m' }),
    "mappings.orders.batchWindow must be a duration between 0s and 5m, like '30s', got '6m'",
  ],
  [
    withMapping({ batchWindow: 500 }),
    "mappings.orders.batchWindow must be a duration between 0s and 5m, like '30s', got 500",
  ],
  [withMapping({ order: 'keys' }), "mappings.orders.order must be one of 'lane', 'key', 'none', got 'keys'"],
  [withMapping({ bisect: 'yes' }), "mappings.orders.bisect must be true or false, got 'yes'"],
  [
    withMapping({ notRetryable: 'TypeError' }),
    "mappings.orders.notRetryable must be a list of non-empty texts, got 'TypeError'",
  ],
  [withMapping({ breaker: true }), 'mappings.orders.breaker must be an object, got true'],
  [withMapping({ source: undefined }), 'mappings.orders.source is missing; name the channel to read'],
  [
    withMapping({ source: 'local/orders' }),
    "mappings.orders.source must be a channel, got 'local/orders'; make one from a connection: embedded().queue(name)",
  ],
  [
    withMapping({ source: { channel: receipts, group: '', start: 'lastest' } }),
    "mappings.orders.source.group must be 1 to 255 printable characters, got ''",
    "mappings.orders.source.start must be 'earliest', 'latest', a Date or milliseconds since the epoch, got 'lastest'",
  ],
  [
    withMapping({ source: receipts.read({ start: new Date('never') }) }),
    "mappings.orders.source.start must be 'earliest', 'latest', a Date or milliseconds since the epoch, got NaN",
  ],
  [
    withMapping({ function: undefined }),
    'mappings.orders.function is missing; it must be the name of one of functions, or a handler',
  ],
  [
    withMapping({ function: 'chrage' }),
    "mappings.orders.function must name one of functions, got 'chrage'; did you mean charge?",
  ],
  [withMapping({ function: 7 }), 'mappings.orders.function must be the name of one of functions, or a handler, got 7'],
  [
    withMapping({ function: handlerForReceipts }),
    "mappings.orders.function must be written for the mapping's source, local/orders; this handler is for local/receipts",
  ],
  [
    {
      name: 'shop',
      functions: { charge: './functions/a.ts' },
      mappings: { charge: { source: orders, function: () => {} } },
    },
    'mappings.charge.function must not be a handler, because functions.charge would have the same name; rename one',
  ],
  [withMapping({ deadLetters: { too: dead } }), 'mappings.orders.deadLetters.too is not an option; did you mean to?'],
  [
    withMapping({ deadLetters: { to: 'orders.dead' } }),
    "mappings.orders.deadLetters.to must be a channel, got 'orders.dead'; make one from a connection: embedded().queue(name)",
  ],
  [
    withMapping({ deadLetters: { to: orders } }),
    "mappings.orders.deadLetters.to must not be the mapping's own source (local/orders): its dead letters would come again for ever",
  ],
  [
    withMapping({ batchSize: 100, maxInFlight: 50 }),
    'mappings.orders.batchSize must be at most maxInFlight (50), got 100',
  ],
  [
    withMapping({ maxInFlightBytes: '1 MB' }),
    'mappings.orders.batchBytes must be at most maxInFlightBytes (1 MB), got 6 MB',
  ],
  [
    withMapping({ backoff: { initial: '10m' } }),
    'mappings.orders.backoff.initial must be at most backoff.max (5m), got 10m',
  ],
  [
    withMapping({ breaker: { initial: '10m' } }),
    'mappings.orders.breaker.initial must be at most breaker.max (1m), got 10m',
  ],
  [
    withMapping({ source: { channel: orders, group: 'g', start: 'latest' } }),
    'mappings.orders.source must not have a group: readers of the queue local/orders have no positions of their own',
    'mappings.orders.source must not have a start: readers of the queue local/orders have no positions of their own',
  ],
  [withMapping({}, { defaults: { maxAttemps: 3 } }), 'defaults.maxAttemps is not an option; did you mean maxAttempts?'],
  [withMapping({}, { defaults: { maxAttempts: 0 } }), 'defaults.maxAttempts must be between 1 and 1000, got 0'],
  [
    withMapping({}, { functions: { charge: { file: './functions/charge.ts', timout: '1s' } } }),
    'functions.charge.timout is not an option; did you mean timeout?',
  ],
  [
    withMapping({ source: local.queue('') }),
    "mappings.orders.source must have a name of 1 to 255 printable characters, got ''",
  ],
  [
    withMapping({ source: local.queue('a\nb') }),
    "mappings.orders.source must have a name of 1 to 255 printable characters, got 'a\\nb'",
  ],
  [
    withMapping({ source: local.queue('x'.repeat(256)) }),
    `mappings.orders.source must have a name of 1 to 255 printable characters, got '${'x'.repeat(59)}…`,
  ],
  [
    withMapping({ source: embedded({ name: 'a/b' }).queue('q') }),
    'mappings.orders.source must be on a connection named with 1 to 100 printable characters without spaces or "/", got \'a/b\'',
  ],
  [
    withMapping({ source: local.stream('s', { partitions: 2_000 }) }),
    'channels.local/s.partitions must be between 1 and 1024, got 2000',
  ],
  [
    withMapping({ source: local.queue('q', JSON.parse('{"codec":"yaml","schema":{},"retention":"1d"}')) }),
    "channels.local/q.codec must be 'json', 'text', 'bytes' or { decode, encode }, got 'yaml'",
    'channels.local/q.schema must be a Standard Schema (zod, valibot, arktype), got {}',
    'channels.local/q.retention is not an option; there is none',
  ],
  [
    withMapping({}, { channels: [local.topic('orders')] }),
    'channels.local/orders is declared twice with another type, codec, schema or options (again at channels.0); declare it once and import it',
  ],
  [
    withMapping({}, { channels: [again.queue('other')] }),
    'connections.local is declared twice with different options (again at channels.0); declare it once and import it',
  ],
  [
    withMapping({}, { mappings: { 'a b': { source: orders, function: 'charge' } } }),
    'mappings."a b" must have a name of 1 to 100 letters, digits, "_", "-" or ".", starting with a letter or digit',
  ],
]

for (const [index, [written, ...expected]] of WRONG.entries())
  test(`wrong configuration ${index + 1}: ${expected[0]?.slice(0, 90)}`, () => {
    const said = problemsOf(written)
    if (expected[0]?.startsWith('^')) assert.match(said[0] ?? '', new RegExp(expected[0]))
    else assert.deepEqual(said, expected)
  })
