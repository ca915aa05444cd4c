import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Redis } from 'ioredis'
import { redisConnector } from '../../../connectors/redis/connector.ts'
import type { RedisOptions } from '../../../connectors/redis/settings.ts'
import { systemClock } from '../../../core/clock.ts'
import type { Connection, Source } from '../../../core/contract.ts'
import type { MillraceError } from '../../../core/errors.ts'
import { silentLog } from '../../../core/log.ts'
import { accept, bodies, numbered, request } from '../../../core/testing/contract/reading.ts'
import { startRedis } from '../../support/brokers/redis.ts'
import { startRedisCluster } from '../../support/brokers/redis-cluster.ts'
import { startWatchedRedis } from '../../support/brokers/redis-sentinel.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { makeCertificates } from '../../support/certificates.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { until } from '../../support/until.ts'
import { channelRef, READ } from './place.ts'

const skip = sharedBroker('redis').missingOwn

const connectTo = async (context: TestContext, options: RedisOptions): Promise<Connection> => {
  const tools = { clock: systemClock, log: silentLog, random: Math.random, stateDir: '/nowhere' }
  const connection = await redisConnector.connect('shop', options, tools)
  context.after(() => connection.close())
  return connection
}

const independent = (context: TestContext, url: string): Redis => {
  const raw = new Redis(url)
  raw.on('error', () => {})
  context.after(async () => raw.disconnect())
  return raw
}

const clicks = channelRef('stream', 'clicks', { field: 'body', claimTimeout: 2_000 })
const body = (text: string) => ({ body: new TextEncoder().encode(text) })

/** Until all of `wanted` were processed; tries again what fails, as the core does. */
const process = async (source: Source, wanted: readonly string[]): Promise<void> => {
  const seen = new Set<string>()
  await until('all is processed', async () => {
    const taken = await source.poll(request({ waitMs: 500 })).catch(() => [])
    if ((await source.settle(accept(taken))).length === 0) for (const each of bodies(taken)) seen.add(each)
    return wanted.every(each => seen.has(each))
  })
}

test('a wrong password is fatal and says what to check, the right one reads', { skip }, async context => {
  const { url, version } = await startRedis(context, { password: 'open-sesame' })
  const place = { host: '127.0.0.1', port: Number(new URL(url).port) }
  for (const options of [place, { ...place, password: 'wrong' }, { ...place, username: 'nobody', password: 'wrong' }]) {
    const refused = await connectTo(context, options)
    await assert.rejects(refused.openSource(clicks, READ), (error: MillraceError) => {
      assert.equal(error.fatal, true, error.message)
      assert.match(error.message, /does not accept these credentials; check username and password/)
      return true
    })
    assert.equal((await refused.check())[0]?.ok, false)
  }
  const connection = await connectTo(context, { ...place, password: 'open-sesame' })
  const [check] = await connection.check()
  assert.equal(check?.ok, true)
  assert.match(check.detail, new RegExp(`^connected to (Redis|Valkey) ${version.replaceAll('.', '\\.')}$`))
  await (await connection.openSource(clicks, READ)).close()
})

test('what the ACL denies is fatal and named, when opening and while reading', { skip }, async context => {
  const { url } = await startRedis(context)
  const raw = independent(context, url)
  const options = { url, username: 'shop', password: 'secret' }
  const allow = (...rules: readonly string[]) =>
    raw.acl('SETUSER', 'shop', 'reset', 'on', '>secret', '~*', '+@all', ...rules)
  const denied = (error: MillraceError): boolean => {
    assert.equal(error.fatal, true, error.message)
    assert.match(error.message, /this user may not do that; allow it by ACL SETUSER/)
    return true
  }
  await allow('-xreadgroup')
  const source = await (await connectTo(context, options)).openSource(clicks, READ)
  await assert.rejects(source.poll(request()), denied)
  await allow('resetkeys', '~other')
  await assert.rejects((await connectTo(context, options)).openSource(clicks, READ), denied)
  await allow()
  await raw.xadd('clicks', '*', 'body', 'a')
  await process(source, ['a'])
})

test('over TLS a stream is read with the certificates given, and a server that is not trusted is not', {
  skip,
}, async context => {
  const { ca, caFile, server, client } = await makeCertificates(await temporaryFolder(context))
  const { url } = await startRedis(context, {
    settings: {
      'tls-cert-file': server.certFile,
      'tls-key-file': server.keyFile,
      'tls-ca-cert-file': caFile,
      'tls-auth-clients': 'yes',
    },
    encryption: 'tls',
  })
  const port = Number(new URL(url).port)
  const tls = { ca, cert: client.cert, key: client.key }
  const connection = await connectTo(context, { host: '127.0.0.1', port, tls })
  assert.deepEqual(await (await connection.openSink(clicks)).send([body('sealed')]), [null])
  await process(await connection.openSource(clicks, READ), ['sealed'])
  await (await connectTo(context, { url: `rediss://127.0.0.1:${port}`, tls })).openSource(clicks, READ)
  const stranger = await connectTo(context, { host: '127.0.0.1', port, tls: { cert: client.cert, key: client.key } })
  await assert.rejects(stranger.openSource(clicks, READ), /TLS could not be agreed on; check tls/)
})

for (const name of ['clicks', '{shop}:clicks'])
  test(`in a Cluster of three the stream ${name} is sent to, read, put off and settled, and outlives its node`, {
    skip,
  }, async context => {
    const nodes = await startRedisCluster(context, 3)
    const connection = await connectTo(context, { nodes: nodes.map(({ url }) => new URL(url).host) })
    const stream = channelRef('stream', name, { field: 'body', claimTimeout: 2_000 })
    const sink = await connection.openSink(stream)
    const source = await connection.openSource(stream, READ)
    const waiting = source.poll(request({ max: 1, waitMs: 10_000 }))
    assert.deepEqual(await sink.send(numbered(4).map(body)), [null, null, null, null])
    const [first] = await waiting
    assert.ok(first)
    assert.deepEqual(await source.settle([{ delivery: first, outcome: 'deferred', attempts: 2, delayMs: 50 }]), [])
    await process(source, numbered(4))
    assert.deepEqual(await source.lag?.(), [{ lane: name, records: 0 }])
    for (const node of nodes) await node.restart('SIGKILL')
    await until('it takes records again', async () => (await sink.send([body('after')]))[0] === null)
    await process(source, ['after'])
    await source.close()
  })

test('when Sentinel makes the replica master, sending and reading go on there', { skip }, async context => {
  const { master, replica, sentinel, masterName } = await startWatchedRedis(context)
  const connection = await connectTo(context, { sentinels: sentinel, master: masterName })
  const sink = await connection.openSink(clicks)
  const source = await connection.openSource(clicks, READ)
  assert.deepEqual(await sink.send(numbered(3).map(body)), [null, null, null])
  await process(source, numbered(3))
  const follower = independent(context, replica.url)
  await until('the replica has it all', async () => (await follower.xlen('clicks')) === 3)
  await master.kill('SIGKILL')
  await until('it takes records again', async () => (await sink.send([body('after')]))[0] === null)
  await process(source, ['after'])
  assert.match(await follower.info('replication'), /role:master/)
})
