/** That the rights which the README lists are enough. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { redisConnector } from '../../../connectors/redis/connector.ts'
import { redisKey } from '../../../connectors/redis/idempotency-values.ts'
import { systemClock } from '../../../core/clock.ts'
import { silentLog } from '../../../core/log.ts'
import { accept, request } from '../../../core/testing/contract/reading.ts'
import { idempotencyContract } from '../../../core/testing/idempotency/idempotency-contract.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { channelRef, READ } from './place.ts'

const redis = sharedBroker('redis')

const rightsOf = async (kind: string): Promise<readonly string[]> => {
  const readme = await readFile(new URL('../../../connectors/redis/README.md', import.meta.url), 'utf8')
  const listed = new RegExp(`${kind} need \`([^\`]+)\``).exec(readme)?.[1]
  assert.ok(listed, `the README lists the rights for ${kind}`)
  return listed.split(/\s+/)
}

const connectAs = async (context: TestContext, name: string, rights: readonly string[]) => {
  const { url } = await redis.address()
  const raw = new Redis(url)
  await raw.call('ACL', 'SETUSER', name, 'on', '>secret', ...rights)
  const { port } = new URL(url)
  const options = { host: '127.0.0.1', port: Number(port), username: name, password: 'secret' }
  const tools = { clock: systemClock, log: silentLog, random: Math.random, stateDir: '/nowhere' }
  const connection = await redisConnector.connect('shop', options, tools)
  context.after(async () => {
    await connection.close()
    await raw.call('ACL', 'DELUSER', name)
    raw.disconnect()
  })
  return { connection, raw }
}

for (const [type, kind] of [
  ['list', 'Lists'],
  ['stream', 'Streams'],
] as const)
  test(`of a ${type} such a user reads, settles, puts off and sends`, { skip: redis.missing }, async context => {
    const name = `rights-${randomUUID()}`
    const rights = [`~${name}`, `~{${name}}:millrace:*`, ...(await rightsOf(kind))]
    const { connection } = await connectAs(context, name, rights)
    const channel = channelRef(type, name, { removeSettled: true, claimTimeout: 1_000 })
    const source = await connection.openSource(channel, READ)
    const sink = await connection.openSink(channel)
    const waiting = source.poll(request({ waitMs: 10_000 }))
    assert.deepEqual(await sink.send([{ body: new TextEncoder().encode('a') }]), [null])
    const taken = await waiting
    assert.equal(taken.length, 1)
    const back = taken.map(delivery => ({ delivery, outcome: 'deferred' as const, attempts: 1, delayMs: 600 }))
    assert.deepEqual(await source.settle(back), [])
    const again = await source.poll(request({ waitMs: 10_000 }))
    assert.deepEqual(
      again.map(({ attempts }) => attempts),
      [1],
    )
    assert.deepEqual(await source.settle(accept(again)), [])
    assert.equal((await source.lag?.())?.[0]?.records, 0)
  })

test('of a subscription such a user hears', { skip: redis.missing }, async context => {
  const name = `rights-${randomUUID()}`
  // Before 7.0 a new user may listen to everything.
  const rights = ['resetchannels', `&${name}`, ...(await rightsOf('Subscriptions'))]
  const { connection, raw } = await connectAs(context, name, rights)
  const source = await connection.openSource(channelRef('subscription', name), READ)
  await raw.publish(name, 'a')
  assert.equal((await source.poll(request({ waitMs: 10_000 }))).length, 1)
})

if (!redis.missing)
  idempotencyContract('redis keys, with rights for them', async context => {
    const name = `rights-${randomUUID()}`
    const { connection, raw } = await connectAs(context, name, ['~millrace:key:*', ...(await rightsOf('Keys'))])
    await raw.flushdb()
    const store = (await connection.openKeys?.()) ?? assert.fail('it keeps keys')
    return {
      store,
      elsewhere: store,
      pass: pause,
      spoil: async key => void (await raw.set(redisKey(key), '{"state":')),
    }
  })
