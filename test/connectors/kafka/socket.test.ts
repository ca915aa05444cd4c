import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { test } from 'node:test'
import { createSockets } from '../../../connectors/kafka/socket.ts'
import { freePort } from '../../support/brokers/ports.ts'

test('a socket that is dead may be let go of again and again, as kafkajs does, and Node warns of nothing', async () => {
  const host = '127.0.0.1'
  const socket = createSockets().open({
    host,
    port: await freePort(),
    ssl: undefined as never,
    onConnect: () => undefined,
  })
  await once(socket, 'error')
  const before = socket.listenerCount('connect')
  for (let time = 0; time < 20; time += 1) socket.unref()
  assert.equal(socket.listenerCount('connect'), before)
})

test('what is open when a client is destroyed breaks, and so does what it opens afterwards', async context => {
  const server = createServer(socket => socket.on('error', () => {}))
  context.after(() => void server.close())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const sockets = createSockets()
  const open = () => {
    const connected = Promise.withResolvers<void>()
    const options = { host: '127.0.0.1', port, ssl: undefined as never, onConnect: connected.resolve }
    return { socket: sockets.open(options), connected: connected.promise }
  }
  const before = open()
  const ended = open()
  await Promise.all([before.connected, ended.connected])
  ended.socket.end()
  let failures = 0
  ended.socket.on('error', () => {
    failures += 1
  })
  const closed = once(ended.socket, 'close')
  sockets.destroy()
  assert.match(String(await once(before.socket, 'error')), /the connection is closed/)
  await closed
  assert.equal(failures, 0, 'what was ended already just closes')
  assert.match(String(await once(open().socket, 'error')), /the connection is closed/)
})
