import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { Redis } from 'ioredis'
import { createSink } from '../../../connectors/redis/sink.ts'
import { logTo } from '../../../core/log.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { openProxy } from '../../support/proxy.ts'
import { until } from '../../support/until.ts'
import { channelRef, placeOn } from './place.ts'

const redis = sharedBroker('redis')
const skip = redis.missing

const openTest = async (context: TestContext) => {
  const { url } = await redis.address()
  const raw = new Redis(url)
  raw.on('error', () => {})
  context.after(async () => raw.disconnect())
  const lines: string[] = []
  const log = logTo((level, message) => lines.push(`${level} ${message}`))
  const name = `sink-${randomUUID()}`
  return {
    raw,
    url,
    name,
    lines,
    async sink(type: 'stream' | 'list' | 'subscription', options = {}, connection: object = { url }) {
      const sink = createSink(await placeOn(context, connection, log), channelRef(type, name, options))
      context.after(() => sink.close())
      return sink
    },
  }
}

const textOf = (body: string): { readonly body: Uint8Array } => ({ body: new TextEncoder().encode(body) })
const codes = (outcomes: readonly (null | { readonly code: string })[]) => outcomes.map(each => each?.code ?? null)

test('a stream gets an entry for each record, in the order in which they were sent', { skip }, async context => {
  const { sink, raw, name } = await openTest(context)
  const stream = await sink('stream')
  assert.deepEqual(await stream.send([{ ...textOf('a'), key: 'k', id: 'i', time: 5 }, textOf('b')]), [null, null])
  const entries = await raw.xrange(name, '-', '+')
  assert.deepEqual(
    entries.map(([, fields]) => fields),
    [
      ['millrace', '1', 'id', 'i', 'time', '5', 'key', 'k', 'body', 'a'],
      ['millrace', '1', 'body', 'b'],
    ],
  )
})

test('a stream is trimmed to its length, exactly where told so', { skip }, async context => {
  const { sink, raw, name } = await openTest(context)
  const stream = await sink('stream', { maxLength: 3, trim: 'exact' })
  for (const body of ['a', 'b', 'c', 'd', 'e']) await stream.send([textOf(body)])
  assert.equal(await raw.xlen(name), 3)
})

for (const [pushes, order] of [
  ['left', ['b', 'a']],
  ['right', ['a', 'b']],
] as const)
  test(`a list gets its elements at its ${pushes} end`, { skip }, async context => {
    const { sink, raw, name } = await openTest(context)
    assert.deepEqual(await (await sink('list', { pushes })).send([textOf('a'), textOf('b')]), [null, null])
    assert.deepEqual(await raw.lrange(name, 0, -1), order)
  })

test('what has no place in a list of bodies is told: headers once in the log, a tombstone as an error', {
  skip,
}, async context => {
  const { sink, raw, name, lines } = await openTest(context)
  const list = await sink('list')
  const records = [{ body: null }, { ...textOf('a'), headers: [['h', '1']] as const }, { ...textOf('b'), key: 'k' }]
  assert.deepEqual(codes(await list.send(records)), ['SEND_INVALID', null, null])
  await list.send(records)
  assert.equal(lines.filter(line => /only bodies/.test(line)).length, 1)
  assert.deepEqual(await raw.lrange(name, 0, -1), ['b', 'a', 'b', 'a'])
})

test('subscribers hear what is published; a pattern and a delay are refused', { skip }, async context => {
  const { sink, raw, name } = await openTest(context)
  const heard: string[] = []
  const listener = raw.duplicate()
  context.after(async () => listener.disconnect())
  await listener.subscribe(name)
  listener.on('message', (_channel, body) => heard.push(body))
  assert.deepEqual(await (await sink('subscription')).send([textOf('a'), textOf('b')]), [null, null])
  await until('both are heard', () => heard.length === 2)
  assert.deepEqual(codes(await (await sink('subscription', { pattern: true })).send([textOf('a')])), ['SEND_INVALID'])
  assert.deepEqual(codes(await (await sink('stream')).send([{ ...textOf('a'), delayMs: 5 }])), ['SEND_INVALID'])
})

test('a key that holds something else is an error for each record, with what to do', { skip }, async context => {
  const { sink, raw, name } = await openTest(context)
  await raw.set(name, 'a string')
  const [outcome, other] = await (await sink('stream')).send([textOf('a'), textOf('b')])
  assert.match(outcome?.message ?? '', /WRONGTYPE.*check the name/)
  assert.equal(outcome?.code, 'SEND_FAILED')
  assert.equal(other?.code, 'SEND_FAILED')
})

test('a server out of memory refuses, and takes records again when there is room', {
  skip: redis.missingOwn,
}, async context => {
  const { sink, raw } = await openTest(context)
  const stream = await sink('stream')
  await raw.config('SET', 'maxmemory', '1mb')
  try {
    const [outcome] = await stream.send([textOf('a')])
    assert.match(outcome?.message ?? '', /OOM.*maxmemory/)
  } finally {
    await raw.config('SET', 'maxmemory', '0')
  }
  assert.deepEqual(await stream.send([textOf('a')]), [null])
})

test('a user that may not write there is told so, for each record', { skip }, async context => {
  const { sink, raw, name, url } = await openTest(context)
  const username = `reader-${name}`
  await raw.call('ACL', 'SETUSER', username, 'on', '>secret', '~*', '+@all', '-xadd', '-config')
  const { port } = new URL(url)
  const stream = await sink('stream', {}, { host: '127.0.0.1', port: Number(port), username, password: 'secret' })
  const [outcome] = await stream.send([textOf('a')])
  assert.match(outcome?.message ?? '', /NOPERM.*ACL SETUSER/)
  await raw.call('ACL', 'DELUSER', username)
})

test('a value beyond what the server takes is refused before it breaks the connection for the others', {
  skip: redis.missingOwn,
}, async context => {
  const { sink, raw, name } = await openTest(context)
  const before = await raw.config('GET', 'proto-max-bulk-len')
  await raw.config('SET', 'proto-max-bulk-len', '1mb')
  try {
    const list = await sink('list')
    const large = { body: new Uint8Array(1024 ** 2 + 1) }
    assert.deepEqual(codes(await list.send([textOf('a'), large, textOf('b')])), [null, 'SEND_INVALID', null])
    assert.deepEqual(await raw.lrange(name, 0, -1), ['b', 'a'])
  } finally {
    await raw.config('SET', 'proto-max-bulk-len', String((before as string[])[1]))
  }
})

test('replicas that are not there in time make every record of the send a doubtful one', { skip }, async context => {
  const { sink } = await openTest(context)
  const stream = await sink('stream', { waitReplicas: 1, waitTimeout: 20 })
  const outcomes = await stream.send([textOf('a'), textOf('b')])
  assert.deepEqual(codes(outcomes), ['SEND_FAILED', 'SEND_FAILED'])
  assert.match(outcomes[0]?.message ?? '', /1 replica.*0 had it in time/)
})

test('a connection that breaks in the middle of a send answers with errors, and the next send goes through', {
  skip,
}, async context => {
  const { sink, raw, name, url } = await openTest(context)
  const proxy = await openProxy(context, { to: Number(new URL(url).port) })
  const list = await sink('list', {}, { host: '127.0.0.1', port: proxy.port })
  assert.deepEqual(await list.send([textOf('first')]), [null])
  proxy.faults({ limitBytes: 400_000 })
  const outcomes = await list.send(Array.from({ length: 10 }, () => ({ body: new Uint8Array(100_000) })))
  proxy.faults({})
  const failed = outcomes.filter(each => each?.code === 'SEND_FAILED').length
  const stored = (await raw.llen(name)) - 1
  assert.ok(failed > 0, 'the cut was noticed')
  assert.ok(stored >= 10 - failed, `${stored} stored, ${failed} called failed: what was confirmed is there`)
  await until('a send goes through', async () => (await list.send([textOf('again')]))[0] === null)
})

test('closing waits for what is being sent', { skip }, async context => {
  const { sink, raw, name } = await openTest(context)
  const list = await sink('list')
  const sending = list.send(Array.from({ length: 500 }, (_, index) => textOf(String(index))))
  await list.close()
  assert.ok((await sending).every(each => each === null))
  assert.equal(await raw.llen(name), 500)
})
