/** What does not compile is checked by tsc: each line below `@ts-expect-error` must be an error, or tsc fails. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type } from 'arktype'
import * as valibot from 'valibot'
import { z } from 'zod'
import { embedded } from '../../../connectors/embedded/channel.ts'
import { http } from '../../../connectors/http/channel.ts'
import type { Channel, DataOf, InputOf } from '../../../core/config/channel.ts'
import { type Config, defineConfig } from '../../../core/config/define.ts'
import { onRequest } from '../../../core/function/on-request.ts'

/** True only when both are the same type. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <Verdict extends true>(verdict: Verdict): void => assert.equal(verdict, true)

const local = embedded()
const Order = z.object({ id: z.string(), total: z.number().default(0) })
const orders = local.queue('orders', { schema: Order })
const receipts = local.topic('receipts')
const base = {
  name: 'shop',
  functions: { charge: './charge.ts', thumbs: { file: './thumbs.ts', memory: 256 } },
} as const

test('data is typed by the schema, in and out, of any of the three libraries', () => {
  same<Same<DataOf<typeof orders>, { id: string; total: number }>>(true)
  same<Same<InputOf<typeof orders>, { id: string; total?: number | undefined }>>(true)
  const byValibot = local.topic('v', { schema: valibot.object({ id: valibot.string() }) })
  same<Same<DataOf<typeof byValibot>, { id: string }>>(true)
  const byArktype = local.stream('a', { schema: type({ id: 'string' }) })
  same<Same<DataOf<typeof byArktype>, { id: string }>>(true)
})

test('without a schema data is typed by the codec, or by the type argument, else unknown', () => {
  const plain = local.queue('plain')
  same<Same<DataOf<typeof plain>, unknown>>(true)
  const bytes = local.queue('bytes', { codec: 'bytes' })
  same<Same<DataOf<typeof bytes>, Uint8Array>>(true)
  const text = local.topic('text', { codec: 'text', retention: '1d' })
  same<Same<DataOf<typeof text>, string>>(true)
  const named = local.queue<{ readonly id: string }>('named')
  same<Same<DataOf<typeof named>, { readonly id: string }>>(true)
  const codec = { decode: (body: Uint8Array) => body.length, encode: (data: number) => new Uint8Array(data) }
  const own = local.stream('own', { codec })
  same<Same<DataOf<typeof own>, number>>(true)
  same<Same<DataOf<ReturnType<typeof own.read>>, number>>(true)
})

test('options of channels are checked', () => {
  // @ts-expect-error a queue has no retention
  local.queue('q', { retention: '1d' })
  // @ts-expect-error no such codec
  local.queue('q', { codec: 'yaml' })
  // @ts-expect-error a duration needs a unit
  local.topic('t', { retention: '1' })
  // @ts-expect-error a size is no number
  local.topic('t', { retentionBytes: 5 })
  // @ts-expect-error a topic has no partitions
  local.topic('t', { partitions: 5 })
  // @ts-expect-error a misspelt option
  local.stream('s', { partition: 5 })
  // @ts-expect-error a misspelt option of the connection
  embedded({ nam: 'x' })
  // @ts-expect-error lastest
  receipts.read({ start: 'lastest' })
  // @ts-expect-error grup
  receipts.read({ grup: 'g' })
  // @ts-expect-error receivers of a queue have no positions
  assert.equal(orders.read, undefined)
})

const mapping = { source: orders, function: 'charge' } as const
const api = http('api')
const quote = api.post('/quotes', { schema: Order })
const door = api.post('/orders', { into: orders })

test('requests are typed by the schema as records are', () => {
  same<Same<DataOf<typeof quote>, { id: string; total: number }>>(true)
  onRequest(quote, request => {
    same<Same<typeof request.data, { id: string; total: number }>>(true)
  })
})

/** Never called: what matters is what the compiler says of it. */
const slips = (): readonly unknown[] => [
  // @ts-expect-error requests have no batches
  defineConfig({ ...base, mappings: { a: { source: quote, function: 'charge', batchSize: 5 } } }),
  // @ts-expect-error nor dead letters
  defineConfig({ ...base, mappings: { a: { source: quote, function: 'charge', deadLetters: { to: receipts } } } }),
  // @ts-expect-error a door is no source
  defineConfig({ ...base, mappings: { a: { source: door, function: 'charge' } } }),
  // @ts-expect-error a route is no destination
  defineConfig({ ...base, mappings: { a: { ...mapping, deadLetters: { to: quote } } } }),
  // @ts-expect-error a route is no door
  defineConfig({ ...base, mappings: {}, doors: [quote] }),
  // @ts-expect-error what comes over a route is not sent on
  api.post('/a', { into: quote }),
  // @ts-expect-error a queue has no requests
  onRequest(orders, () => 1),
  // @ts-expect-error a misspelt function
  defineConfig({ ...base, mappings: { a: { source: orders, function: 'chrage' } } }),
  // @ts-expect-error a name of a function where none is declared
  defineConfig({ name: 'shop', mappings: { a: mapping } }),
  // @ts-expect-error a misspelt option of a mapping
  defineConfig({ ...base, mappings: { a: { source: orders, function: 'charge', batchSiz: 5 } } }),
  // @ts-expect-error a batch size that is no number
  defineConfig({ ...base, mappings: { a: { source: orders, function: 'charge', batchSize: '5' } } }),
  // @ts-expect-error a duration without a unit
  defineConfig({ ...base, mappings: { a: { source: orders, function: 'charge', batchWindow: '5' } } }),
  // @ts-expect-error a duration with a unit there is not
  defineConfig({ ...base, mappings: { a: { source: orders, function: 'charge', batchWindow: '5sec' } } }),
  // @ts-expect-error a duration that is a number
  defineConfig({ ...base, mappings: { a: { source: orders, function: 'charge', batchWindow: 500 } } }),
  // @ts-expect-error a size with a unit there is not
  defineConfig({ ...base, mappings: { a: { source: orders, function: 'charge', batchBytes: '6 mb' } } }),
  // @ts-expect-error an order there is not
  defineConfig({ ...base, mappings: { a: { source: orders, function: 'charge', order: 'keys' } } }),
  // @ts-expect-error a misspelt option inside an option
  defineConfig({ ...base, mappings: { a: { source: orders, function: 'charge', backoff: { intial: '1s' } } } }),
  // @ts-expect-error true is no breaker
  defineConfig({ ...base, mappings: { a: { source: orders, function: 'charge', breaker: true } } }),
  // @ts-expect-error a channel by name
  defineConfig({ ...base, mappings: { a: { source: 'orders', function: 'charge' } } }),
  // @ts-expect-error a dead letter channel by name
  defineConfig({ ...base, mappings: { a: { source: orders, function: 'charge', deadLetters: { to: 'dead' } } } }),
  // @ts-expect-error without a source
  defineConfig({ ...base, mappings: { a: { function: 'charge' } } }),
  // @ts-expect-error without a function
  defineConfig({ ...base, mappings: { a: { source: orders } } }),
  // @ts-expect-error a misspelt option of a function
  defineConfig({ ...base, functions: { charge: { file: './a.ts', timout: '1s' } }, mappings: {} }),
  // @ts-expect-error a protocol there is not
  defineConfig({ ...base, functions: { charge: { url: 'https://f.example/', protocol: 'grpc' } }, mappings: {} }),
  // @ts-expect-error a function without a file
  defineConfig({ ...base, functions: { charge: { timeout: '1s' } }, mappings: {} }),
  // @ts-expect-error a misspelt option at the top
  defineConfig({ ...base, mappings: {}, stateDirectory: 'x' }),
  // @ts-expect-error a misspelt option in defaults
  defineConfig({ ...base, mappings: {}, defaults: { batchSiz: 5 } }),
  // @ts-expect-error without a name
  defineConfig({ mappings: {} }),
]

test('a configuration that is right compiles and is given back as it is', () => {
  const config = defineConfig({
    ...base,
    stateDir: './state',
    defaults: { maxAttempts: 3, breaker: { failures: 5 } },
    mappings: {
      charge: {
        source: orders,
        function: 'charge',
        batchWindow: '500ms',
        batchBytes: '6 MB',
        deadLetters: { to: receipts },
      },
      mail: { source: receipts.read({ start: new Date(0) }), function: 'thumbs', breaker: false },
      inline: { source: orders, function: async () => undefined },
    },
    channels: [local.queue('sent-only')],
  })
  const general: Config = config
  assert.equal(general.name, 'shop')
  const channel: Channel = orders
  assert.equal(channel.address, 'local/orders')
  assert.equal(typeof slips, 'function')
})
