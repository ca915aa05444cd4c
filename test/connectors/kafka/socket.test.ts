import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { openSocket } from '../../../connectors/kafka/socket.ts'
import { freePort } from '../../support/brokers/ports.ts'

test('a socket that is dead may be let go of again and again, as kafkajs does, and Node warns of nothing', async () => {
  const host = '127.0.0.1'
  const socket = openSocket({ host, port: await freePort(), ssl: undefined as never, onConnect: () => undefined })
  await once(socket, 'error')
  const before = socket.listenerCount('connect')
  for (let time = 0; time < 20; time += 1) socket.unref()
  assert.equal(socket.listenerCount('connect'), before)
})
