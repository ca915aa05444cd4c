import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { Redis } from 'ioredis'
import { openProxy } from '../proxy.ts'
import { startRedis } from './redis.ts'
import { sharedBroker } from './shared.ts'

const redis = sharedBroker('redis')

const connected = (context: TestContext, url: string): Redis => {
  const client = new Redis(url, { retryStrategy: () => 20 })
  // Without a listener every reconnection would be written to the console.
  client.on('error', () => {})
  context.after(async () => client.disconnect())
  return client
}

/** What the group has for this consumer: new entries for '>', those it has and did not acknowledge for '0'. */
const read = async (client: Redis, stream: string, from: '>' | '0') => {
  const answer = await client.xreadgroup('GROUP', 'group', 'consumer', 'COUNT', 10, 'STREAMS', stream, from)
  const entries = Object.fromEntries(answer ?? [])[stream] ?? []
  return entries.map(([id, fields]) => ({ id, text: fields?.[1] }))
}

test('ioredis adds to a stream, reads as a group and acknowledges; a reset loses none that was not acknowledged', {
  skip: redis.missing,
}, async context => {
  const { url } = await redis.address()
  const proxy = await openProxy(context, { to: Number(new URL(url).port) })
  const client = connected(context, `redis://127.0.0.1:${proxy.port}`)
  const stream = `reset-${process.pid}`
  await client.xgroup('CREATE', stream, 'group', '$', 'MKSTREAM')
  for (const text of ['one', 'two', 'three']) await client.xadd(stream, '*', 'text', text)
  const taken = await read(client, stream, '>')
  assert.deepEqual(
    taken.map(({ text }) => text),
    ['one', 'two', 'three'],
  )
  assert.equal(await client.xack(stream, 'group', taken[0]?.id ?? ''), 1)

  const closed = new Promise(resolve => client.once('close', resolve))
  proxy.reset()
  await closed
  const pending = await read(client, stream, '0')
  assert.deepEqual(
    pending.map(({ text }) => text),
    ['two', 'three'],
  )
  assert.equal(await client.xack(stream, 'group', ...pending.map(({ id }) => id)), 2)
  assert.deepEqual(await read(client, stream, '0'), [])
  await client.del(stream)
})

test('what was confirmed outlives a SIGKILL of the broker', { skip: redis.missingOwn }, async context => {
  const broker = await redis.own()
  const client = connected(context, broker.url)
  await client.xadd('durable', '1-1', 'text', 'one')
  await broker.restart('SIGKILL')
  assert.deepEqual(await client.xrange('durable', '-', '+'), [['1-1', ['text', 'one']]])
})

test('a paused broker answers nothing, and goes on when it is continued', { skip: redis.missingOwn }, async context => {
  const broker = await redis.own()
  const client = connected(context, broker.url)
  await client.ping()
  broker.pause()
  let answered = false
  const answer = client.ping().then(() => {
    answered = true
  })
  await once(connected(context, broker.url), 'connect')
  assert.equal(answered, false, 'the kernel takes connections for it, but it says nothing')
  broker.continue()
  await answer
})

test('a password is asked for when the broker has one', { skip: redis.missingOwn }, async context => {
  const { url } = await startRedis(context, { password: 'open-sesame' })
  assert.equal(await connected(context, url).ping(), 'PONG')
  const stranger = connected(context, url.replace(':open-sesame@', ''))
  await assert.rejects(stranger.ping(), /NOAUTH/)
})
