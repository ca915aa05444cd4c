import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { openClient, type RedisClient } from '../../../connectors/redis/connection.ts'
import { systemClock } from '../../../core/clock.ts'
import { logTo } from '../../../core/log.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { openProxy } from '../../support/proxy.ts'
import { until } from '../../support/until.ts'

const redis = sharedBroker('redis')

const opened = (context: TestContext, port: number): { readonly client: RedisClient; readonly lines: string[] } => {
  const lines: string[] = []
  const log = logTo((level, message) => lines.push(`${level} ${message}`))
  const options = { host: '127.0.0.1', port }
  const client = openClient('shop', options, 'commands', { clock: systemClock, log, random: () => 0 })
  context.after(async () => client.close())
  return { client, lines }
}

test('a server that hangs up at once is tried at most once a second, and the log says it once', async context => {
  const tries: number[] = []
  const server = createServer(socket => {
    tries.push(systemClock.monotonic())
    socket.destroy()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  context.after(async () => void server.close())
  const { client, lines } = opened(context, (server.address() as { port: number }).port)
  await until('it was tried three times', () => tries.length >= 3)
  for (const [index, at] of tries.slice(1).entries())
    assert.ok(at - (tries[index] ?? 0) >= 950, `the next try came ${at - (tries[index] ?? 0)} ms later`)
  assert.equal(lines.filter(line => line.startsWith('warn')).length, 1)
  await assert.rejects(client.call('PING'))
})

test('what is under way when a connection breaks is rejected and not sent again', {
  skip: redis.missing,
}, async context => {
  const proxy = await openProxy(context, { to: Number(new URL((await redis.address()).url).port) })
  const { client, lines } = opened(context, proxy.port)
  await client.ready(10_000)
  const key = `once-${process.pid}`
  proxy.halfOpen('toClient')
  let answer: unknown
  client.call('INCR', key).catch(error => {
    answer = error
  })
  proxy.reset()
  await until('it is rejected', () => answer !== undefined)
  proxy.heal()
  await assert.rejects(client.call('PING'), 'nothing is queued while it is away')
  await client.ready(10_000)
  assert.ok(Number(await client.call('GET', key)) <= 1)
  await client.call('DEL', key)
  assert.match(lines.join('\n'), /warn .*it is tried again[\s\S]*info .*connected to Redis again/)
})
