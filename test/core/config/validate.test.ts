import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { type } from 'arktype'
import * as valibot from 'valibot'
import { z } from 'zod'
import { embedded } from '../../../connectors/embedded/channel.ts'
import { functionSpec } from '../../../core/config/function-options.ts'
import { problemText } from '../../../core/config/problem.ts'
import type { ResolvedConfig } from '../../../core/config/resolved.ts'
import { env } from '../../../core/config/secret.ts'
import { configError, validateConfig } from '../../../core/config/validate.ts'
import { onBatch } from '../../../core/function/on-batch.ts'
import { onEvent } from '../../../core/function/on-event.ts'

const local = embedded()
const orders = local.queue('orders')
const receipts = local.topic('receipts')
const events = local.stream('events')
const dead = local.queue('orders.dead')
const exists = (path: string): boolean => path.startsWith('/app/functions/') && !path.includes('#')

/** A configuration that is right, with what a test changes of its mapping `orders`. */
const withMapping = (mapping: object, rest: object = {}): object => ({
  name: 'shop',
  functions: { charge: './functions/charge.ts' },
  mappings: { orders: { source: orders, function: 'charge', ...mapping } },
  ...rest,
})

const problemsOf = (config: unknown): readonly string[] => {
  const validation = validateConfig(config, { folder: '/app', exists })
  return validation.ok ? [] : validation.problems.map(problemText)
}

const resolvedOf = (config: unknown): ResolvedConfig => {
  const validation = validateConfig(config, { folder: '/app', exists })
  assert.deepEqual(validation.ok ? [] : validation.problems.map(problemText), [])
  assert.ok(validation.ok)
  return validation.config
}

const mappingOf = (mapping: object, rest: object = {}) => {
  const found = resolvedOf(withMapping(mapping, rest)).mappings[0]
  assert.ok(found)
  return found
}

test('a mapping that says nothing gets the documented defaults', () => {
  assert.deepEqual(mappingOf({}), {
    name: 'orders',
    channel: orders,
    group: 'shop.orders',
    start: 'earliest',
    functionName: 'charge',
    codec: 'json',
    format: 'millrace',
    deadLetters: { to: [], format: 'record' },
    enabled: true,
    policy: {
      order: 'none',
      batchSize: 100,
      batchWindowMs: 0,
      batchBytes: 6 * 1024 ** 2,
      maxConcurrency: 10,
      maxInFlight: 2_000,
      maxInFlightBytes: 64 * 1024 ** 2,
      maxAttempts: 8,
      maxAgeMs: undefined,
      maxFreeWaitMs: 6 * 3_600_000,
      backoff: { initialMs: 1_000, factor: 2, maxMs: 300_000, jitter: 'full' },
      bisect: true,
      breaker: { failures: 10, initialMs: 1_000, maxMs: 60_000 },
      onDeadLetter: 'continue',
      notRetryable: [],
      drainTimeoutMs: 25_000,
      settleTimeoutMs: 60_000,
    },
  })
})

test('an app and a function that say nothing get the documented defaults', () => {
  const config = resolvedOf(withMapping({}))
  assert.equal(config.stateDir, '/app/.millrace')
  assert.equal(config.maxInFlightBytes, 256 * 1024 ** 2)
  assert.deepEqual(config.functions.get('charge'), {
    name: 'charge',
    code: { file: '/app/functions/charge.ts' },
    isolation: 'process',
    timeoutMs: 30_000,
    initTimeoutMs: 10_000,
    memoryMb: 512,
    idleMs: 600_000,
    maxEnvironments: 10,
    reserved: 0,
    provisioned: 0,
    snapshot: false,
    rampUp: 1_000,
    reportLines: false,
    variables: {},
    nodeOptions: [],
  })
})

test('an ordered source is read in lane order unless something else is asked', () => {
  assert.equal(mappingOf({ source: events }).policy.order, 'lane')
  assert.equal(mappingOf({ source: events, order: 'key' }).policy.order, 'key')
})

test('durations become milliseconds and sizes bytes', () => {
  const { policy } = mappingOf({ batchWindow: '1.5s', batchBytes: '512KB', maxAge: '7d', backoff: { max: '2h' } })
  assert.equal(policy.batchWindowMs, 1_500)
  assert.equal(policy.batchBytes, 512 * 1_024)
  assert.equal(policy.maxAgeMs, 7 * 86_400_000)
  assert.deepEqual(policy.backoff, { initialMs: 1_000, factor: 2, maxMs: 7_200_000, jitter: 'full' })
})

test('a mapping goes before defaults, defaults before what is built in, inside objects too', () => {
  const defaults = { batchSize: 5, backoff: { initial: '2s', factor: 3 }, breaker: { failures: 3 } }
  const { policy } = mappingOf({ backoff: { factor: 4 }, maxAttempts: 2 }, { defaults })
  assert.equal(policy.batchSize, 5)
  assert.equal(policy.maxInFlight, 100)
  assert.equal(policy.maxAttempts, 2)
  assert.deepEqual(policy.backoff, { initialMs: 2_000, factor: 4, maxMs: 300_000, jitter: 'full' })
  assert.deepEqual(policy.breaker, { failures: 3, initialMs: 1_000, maxMs: 60_000 })
})

test('a breaker that is false never opens, and a mapping can switch it on again', () => {
  assert.equal(mappingOf({ breaker: false }).policy.breaker.failures, Number.POSITIVE_INFINITY)
  assert.deepEqual(mappingOf({ breaker: { max: '2m' } }, { defaults: { breaker: false } }).policy.breaker, {
    failures: 10,
    initialMs: 1_000,
    maxMs: 120_000,
  })
})

test('read() chooses the group and where it starts', () => {
  const at = new Date('2026-01-02T03:04:05Z')
  const mapping = mappingOf({ source: receipts.read({ group: 'mail', start: at }) })
  assert.equal(mapping.group, 'mail')
  assert.equal(mapping.start, at.getTime())
  assert.equal(mapping.channel.address, 'local/receipts')
})

test('options of channels are completed: a stream has 8 partitions and keeps 7 days or 1 GB', () => {
  const retention = { retention: 7 * 86_400_000, retentionBytes: 1024 ** 3 }
  assert.deepEqual(mappingOf({ source: events }).channel.options, { partitions: 8, ...retention })
  const own = local.topic('own', { retention: '1h', retentionBytes: '10 MB' })
  assert.deepEqual(mappingOf({ source: own }).channel.options, { retention: 3_600_000, retentionBytes: 10 * 1024 ** 2 })
})

test('every channel that is read, parked to or listed is known by its address', () => {
  const config = resolvedOf(withMapping({ deadLetters: { to: [dead] } }, { channels: [receipts] }))
  assert.deepEqual([...config.channels.keys()], ['local/orders', 'local/orders.dead', 'local/receipts'])
  assert.deepEqual([...config.connections.keys()], ['local'])
  assert.deepEqual(
    config.mappings[0]?.deadLetters.to.map(channel => channel.address),
    ['local/orders.dead'],
  )
})

test('a handler is a function of its own, inside the app, named after the mapping', () => {
  const handler = onBatch(orders, async () => undefined)
  const config = resolvedOf({ name: 'shop', mappings: { charge: { source: orders, function: handler } } })
  assert.equal(config.mappings[0]?.functionName, 'charge')
  assert.equal(config.functions.get('charge')?.isolation, 'inline')
  assert.deepEqual(config.functions.get('charge')?.code, { handler })
})

test('both ends of a range are taken', () => {
  assert.equal(mappingOf({ batchSize: 1 }).policy.batchSize, 1)
  assert.equal(mappingOf({ batchSize: 10_000 }).policy.batchSize, 10_000)
  assert.equal(mappingOf({ batchWindow: '0s' }).policy.batchWindowMs, 0)
  assert.equal(mappingOf({ batchWindow: '5m' }).policy.batchWindowMs, 300_000)
})

test('a channel may be declared again in the same way, its schema being the same object', () => {
  const Order = z.object({ id: z.string() })
  const declare = () => local.queue('twice', { schema: Order })
  mappingOf({ source: declare() }, { channels: [declare(), embedded().queue('orders')] })
  const other = local.queue('twice', { schema: z.object({ id: z.string() }) })
  assert.match(problemsOf(withMapping({ source: declare() }, { channels: [other] })).join(), /twice is declared twice/)
})

test('an ordered source takes every order without a notice', () => {
  const orders = ['lane', 'key', 'none'].map(order => [order, { source: events, function: 'charge', order }])
  const config = resolvedOf(withMapping({}, { mappings: Object.fromEntries(orders) }))
  assert.deepEqual(config.notices, [])
})

test('schemas of zod, valibot and arktype are taken', () => {
  const schemas = [
    z.object({ id: z.string() }),
    valibot.object({ id: valibot.string() }),
    type({ id: 'string' }),
  ] as const
  for (const schema of schemas) mappingOf({ source: local.queue('typed', { schema }) })
})

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

test('functions may be called over HTTP where the configuration says so, and it is said when others could, too', () => {
  const config = (invoke?: object) => resolvedOf({ name: 'shop', mappings: {}, ...(invoke ? { invoke } : {}) })
  assert.equal(config().invoke, undefined)
  assert.deepEqual(config({}).invoke, { port: 9_001, host: '127.0.0.1' })
  assert.deepEqual(config({ port: 0, host: 'localhost' }).notices, [])
  assert.deepEqual(config({ host: '0.0.0.0' }).notices.map(problemText), [
    "invoke.host is '0.0.0.0': whoever reaches it may call every function",
  ])
  assert.deepEqual(problemsOf({ name: 'shop', mappings: {}, invoke: { port: 70_000, hots: 'x' } }), [
    'invoke.hots is not an option; did you mean host?',
    'invoke.port must be between 0 and 65535, got 70000',
  ])
})

test('what is wrong with a function is said of its file, memory, timeout and variables', () => {
  const functions = {
    none: { memory: 64, timeout: '16m', env: { KEY: 5 } },
    gone: './gone.ts',
    seven: 7,
  }
  assert.deepEqual(problemsOf({ name: 'shop', mappings: {}, functions }), [
    'functions.none.file is missing; name the module that exports handler, a command, a url or an image',
    "functions.none.timeout must be a duration between 1ms and 15m, like '30s', got '16m'",
    'functions.none.memory must be between 128 and 10240, got 64',
    'functions.none.env must be an object of texts, env() or file(), got { KEY: 5 }',
    "functions.gone.file must be a file that exists, got './gone.ts' (/app/gone.ts)",
    'functions.seven must be an object, got 7',
  ])
})

const codeOf = (options: object) =>
  resolvedOf({ name: 'shop', mappings: {}, functions: { f: options } }).functions.get('f')?.code

test('a file by itself is a module, with an export where one is named', () => {
  assert.deepEqual(codeOf({ file: './functions/charge.ts' }), { file: '/app/functions/charge.ts' })
  const charge = { file: '/app/functions/charge.ts', export: 'refund' }
  assert.deepEqual(codeOf({ file: './functions/charge.ts#refund' }), charge)
  assert.deepEqual(codeOf({ file: './functions/charge.ts', handler: 'refund' }), charge)
})

test('a folder, a zip and what has layers is a package', () => {
  const rest = { layers: [], maxBytes: 250 * 1024 * 1024 }
  assert.deepEqual(codeOf({ file: './functions/f.zip', handler: 'src/app.handler' }), {
    package: '/app/functions/f.zip',
    entry: 'src/app.handler',
    ...rest,
  })
  assert.deepEqual(codeOf({ file: './functions/f#charge' }), { package: '/app/functions/f', entry: 'charge', ...rest })
  const layers = ['./functions/l.zip', '/app/functions/one']
  assert.deepEqual(codeOf({ file: './functions/f.ts', layers, maxPackage: '1 MB' }), {
    package: '/app/functions/f.ts',
    layers: ['/app/functions/l.zip', '/app/functions/one'],
    maxBytes: 1024 * 1024,
  })
})

test('a command is a program: in the folder of the configuration, or in a folder or zip', () => {
  const python = ['python3', 'handler.py']
  assert.deepEqual(codeOf({ command: python }), { command: python, folder: '/app' })
  assert.deepEqual(codeOf({ command: ['./functions/run', '-v'], handler: 'orders.charge' }), {
    command: ['./functions/run', '-v'],
    folder: '/app',
    handler: 'orders.charge',
  })
  assert.deepEqual(codeOf({ file: './functions/f.zip', command: python }), {
    package: '/app/functions/f.zip',
    command: python,
    layers: [],
    maxBytes: 250 * 1024 * 1024,
  })
})

test('what is wrong with a command is said with its path', () => {
  const command = ['python3', 'handler.py']
  const functions = {
    empty: { command: [] },
    words: { command: 'python3 handler.py' },
    gone: { command: ['./bin/run'] },
    nowhere: { file: './nowhere', command },
    layers: { command, layers: ['./functions/l.zip'] },
    inline: { command, isolation: 'inline' },
    node: { command, nodeOptions: ['--import', 'tsx'], permissions: {} },
  }
  assert.deepEqual(problemsOf({ name: 'shop', mappings: {}, functions }), [
    'functions.empty.file is missing; name the module that exports handler, a command, a url or an image',
    "functions.words.command must be a list of non-empty texts, got 'python3 handler.py'",
    "functions.gone.command must be a program that exists, got './bin/run' (/app/bin/run)",
    "functions.nowhere.file must be a file that exists, got './nowhere' (/app/nowhere)",
    'functions.layers.layers are for functions with a file; name the folder in which command is started',
    "functions.inline.isolation must be 'process' for a command, got 'inline'",
    'functions.node.nodeOptions is for modules of Node; a command has its own arguments',
    'functions.node.permissions is for modules of Node, which keeps to them',
  ])
})

test('a function somewhere else has its references resolved at start, and hidden', () => {
  const config = resolvedOf({
    name: 'shop',
    mappings: {},
    functions: {
      f: { url: env('F_URL'), headers: { authorization: env('F_TOKEN') }, tls: { ca: env('F_CA') } },
      image: { image: 'public.ecr.aws/lambda/python:3.13', handler: 'app.handler', memory: 256 },
    },
  })
  const [f, image] = [...config.functions.values()]
  assert.ok(f && image)
  const places = { env: { F_URL: 'https://f.example/run', F_TOKEN: 'Bearer canary', F_CA: 'pem' } }
  const { code } = functionSpec(f, places)
  assert.deepEqual(
    { ...code, headers: { ...('headers' in code && code.headers) }, tls: undefined },
    {
      url: 'https://f.example/run',
      protocol: 'lambda',
      headers: { authorization: 'Bearer canary' },
      tls: undefined,
    },
  )
  assert.ok(!inspect(code).includes('canary'))
  assert.deepEqual(image.code, { image: 'public.ecr.aws/lambda/python:3.13', containerCommand: ['app.handler'] })
  assert.throws(() => functionSpec(f, { env: {} }), /functions\.f\.url\.url|F_URL/)
  const bad = { env: { ...places.env, F_URL: 'ftp://canary' } }
  assert.throws(
    () => functionSpec(f, bad),
    error => /functions\.f\.url must be an address like https/.test(String(error)) && !String(error).includes('canary'),
  )
})

test('what says where a function is, it says once, and with what belongs to it', () => {
  const functions = {
    both: { file: './functions/a.ts', url: 'https://f.example/' },
    image: { image: '--privileged' },
    remote: { url: 'ftp://x', layers: ['./functions/l'], env: { A: 'b' } },
    user: { url: 'https://me:canary@f.example/' },
    here: { file: './functions/a.ts', headers: { a: 'b' } },
    header: { url: 'https://f.example/', headers: { 'a b': 'c' } },
  }
  assert.deepEqual(problemsOf({ name: 'shop', mappings: {}, functions }), [
    'functions.both.url must be left out, because file says where the function is',
    "functions.image.image must be the name of an image, like public.ecr.aws/lambda/python:3.13, got '--privileged'",
    'functions.remote.layers is for functions with a file',
    'functions.remote.env is for functions that run here',
    "functions.remote.url must be an address like https://host/path, got 'ftp://x'",
    'functions.user.url must not have a name or password in it; send them with headers',
    'functions.here.headers is for functions with a url',
    "functions.header.headers must be an object of texts, env() or file(), by the names of headers, got { 'a b': 'c' }",
  ])
})

test('what is wrong with the code of a function is said with its path', () => {
  const functions = {
    twice: { file: './functions/a.ts#b', handler: 'c' },
    layers: { file: './functions/a.zip', layers: ['./gone.zip'] },
    list: { file: './functions/a.zip', layers: './l.zip', maxPackage: '0 B' },
    gone: './gone.ts#handler',
  }
  assert.deepEqual(problemsOf({ name: 'shop', mappings: {}, functions }), [
    "functions.twice.handler must be left out, because file names an export, got 'c'",
    "functions.layers.layers.0 must be a file that exists, got './gone.zip' (/app/gone.zip)",
    "functions.list.layers must be a list of non-empty texts, got './l.zip'",
    "functions.list.maxPackage must be a size between 1 MB and 10 GB, like '10 GB', got '0 B'",
    "functions.gone.file must be a file that exists, got './gone.ts' (/app/gone.ts)",
  ])
})

test('all problems of all mappings come at once, as one error with a line each', () => {
  const said = problemsOf(withMapping({ batchSize: 0, order: 'up' }, { nam: 'x', defaults: { maxAge: 1 } }))
  assert.equal(said.length, 4)
  const validation = validateConfig(withMapping({ batchSize: 0, order: 'up' }), { folder: '/app', exists })
  assert.ok(!validation.ok)
  const error = configError(validation.problems, '/app/millrace.config.ts')
  assert.equal(error.code, 'CONFIG_INVALID')
  assert.equal(
    error.message,
    `/app/millrace.config.ts has 2 problems:
  mappings.orders.order must be one of 'lane', 'key', 'none', got 'up'
  mappings.orders.batchSize must be between 1 and 10000, got 0`,
  )
})

test('what is allowed and worth knowing is a notice', () => {
  const config = resolvedOf({
    name: 'shop',
    functions: { charge: './functions/charge.ts' },
    mappings: {
      a: { source: orders, function: 'charge', order: 'key' },
      b: { source: orders, function: 'charge', onDeadLetter: 'stop' },
      c: { source: receipts.read({ group: 'g' }), function: 'charge' },
      d: { source: receipts.read({ group: 'g' }), function: 'charge' },
      e: { source: receipts, function: 'charge' },
    },
  })
  assert.deepEqual(config.notices.map(problemText), [
    "mappings.a.order is 'key': on local/orders that holds within this process only, because the receivers of a queue compete",
    "mappings.b.onDeadLetter is 'stop', which means nothing with order 'none'",
    'mappings.b reads local/orders like mapping a: each record goes to one of the two',
    'mappings.d reads local/receipts in the same group (g) like mapping c: each record goes to one of the two',
  ])
})

test('what functions reserve and provision fits their environments and those of the app', () => {
  const functions = (charge: object) => ({ functions: { charge: { file: './functions/charge.ts', ...charge } } })
  assert.deepEqual(problemsOf(withMapping({}, functions({ reserved: 11, provisioned: 12 }))), [
    'functions.charge.reserved must be at most maxEnvironments (10), got 11',
    'functions.charge.provisioned must be at most maxEnvironments (10), got 12',
  ])
  assert.deepEqual(problemsOf(withMapping({}, { ...functions({ reserved: 5 }), maxEnvironments: 4 })), [
    'maxEnvironments must be at least what functions have reserved (5 in all), got 4',
  ])
})

test('in a format whose events are single records a batch is one, whatever the defaults say', () => {
  const mapping = { source: receipts, format: 'lambda' }
  const { policy } = mappingOf(mapping, { defaults: { batchSize: 50 } })
  assert.deepEqual([policy.batchSize, policy.maxInFlight], [1, 20])
  assert.equal(mappingOf({ ...mapping, batchSize: 1 }).policy.batchSize, 1)
  assert.equal(mappingOf({ format: 'lambda' }).policy.batchSize, 100)
  assert.equal(mappingOf({ source: receipts, format: 'cloudevents' }).policy.batchSize, 100)
  assert.deepEqual(problemsOf(withMapping({ ...mapping, batchSize: 5 })), [
    "mappings.orders.batchSize must be 1, got 5: in format 'lambda' an event of the topic local/receipts is one record",
  ])
})

test('a handler takes records of ours or events of others, and its mapping has to agree', () => {
  const ours = onBatch(orders, async () => undefined)
  const others = onEvent(orders, async () => undefined)
  for (const format of ['lambda', 'cloudevents']) mappingOf({ function: others, format })
  mappingOf({ function: async () => undefined, format: 'lambda' })
  assert.deepEqual(problemsOf(withMapping({ function: ours, format: 'lambda' })), [
    "mappings.orders.function is made by onRecord or onBatch, which take Millrace's own records: leave out format: 'lambda', or use onEvent",
  ])
  assert.deepEqual(problemsOf(withMapping({ function: others })), [
    "mappings.orders.function is made by onEvent, which takes events of other formats: write format: 'lambda' or 'cloudevents', or use onRecord or onBatch",
  ])
})

test('permissions are of a process, relative to the configuration, and what is not named is refused', () => {
  const functions = (charge: object) => ({ functions: { charge: { file: './functions/charge.ts', ...charge } } })
  const config = resolvedOf(withMapping({}, functions({ permissions: { read: ['./data', '/etc/hosts'] } })))
  assert.deepEqual(config.functions.get('charge')?.permissions, {
    read: ['/app/data', '/etc/hosts'],
    write: [],
    childProcesses: false,
    workers: false,
    addons: false,
  })
  assert.deepEqual(problemsOf(withMapping({}, functions({ isolation: 'inline', permissions: {} }))), [
    "functions.charge.permissions needs isolation 'process', got 'inline': Node has permissions for whole processes only",
  ])
  assert.deepEqual(problemsOf(withMapping({}, functions({ permissions: { reed: [], write: '/' } }))), [
    'functions.charge.permissions.reed is not an option; did you mean read?',
    "functions.charge.permissions.write must be a list of non-empty texts, got '/'",
  ])
})
