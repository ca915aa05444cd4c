import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type } from 'arktype'
import * as valibot from 'valibot'
import { z } from 'zod'
import { embedded } from '../../../connectors/embedded/channel.ts'
import { problemText } from '../../../core/config/problem.ts'
import { configError, validateConfig } from '../../../core/config/validate.ts'
import { onBatch } from '../../../core/function/on-batch.ts'
import { onEvent } from '../../../core/function/on-event.ts'
import {
  dead,
  events,
  exists,
  local,
  mappingOf,
  orders,
  problemsOf,
  receipts,
  resolvedOf,
  withMapping,
} from './configured.ts'

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
