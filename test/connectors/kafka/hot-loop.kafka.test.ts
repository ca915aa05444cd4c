/** A broker that takes connections and hangs up: how often whole apps try it. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { systemClock } from '../../../core/clock.ts'
import { startKafka } from '../../support/brokers/kafka.ts'
import { freePort } from '../../support/brokers/ports.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { openProxy } from '../../support/proxy.ts'
import { until } from '../../support/until.ts'
import { openTopic } from './opened.ts'
import { runApp } from './running-app.ts'

const skip = sharedBroker('kafka').missingOwn
const WATCHED_MS = 6_000
/** Of two connections together, before their pauses have grown to a second. */
const FIRST_TRIES = 6

interface Counted {
  port: number
  connects: number
}

/** Counts who connects to a port, and hangs up on each. */
const hangUpAt = async (context: TestContext, port = 0): Promise<Counted> => {
  const counted = { port, connects: 0 }
  const server = createServer(socket => {
    counted.connects += 1
    socket.destroy()
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  counted.port = (server.address() as AddressInfo).port
  context.after(() => void server.close())
  return counted
}

/** A connection of the reader and one of whoever asks beside it: each about once a second, the first tries sooner. */
const assertPatient = async (context: TestContext, counted: Counted): Promise<void> => {
  const [since, before] = [systemClock.monotonic(), counted.connects]
  await until('it was watched', () => systemClock.monotonic() - since > WATCHED_MS)
  const connects = counted.connects - before
  context.diagnostic(`${connects} connects in ${WATCHED_MS} ms`)
  assert.ok(
    connects >= 1 && connects <= (2 * WATCHED_MS) / 1_000 + FIRST_TRIES,
    `${connects} connects in ${WATCHED_MS} ms`,
  )
}

test('a broker that hangs up at once is tried about once a second, at the start and when it was read from', {
  skip,
}, async context => {
  const plan = { work: () => undefined }
  const port = await freePort()
  const proxy = await openProxy(context, { to: port })
  await startKafka(context, { port, advertisedPort: proxy.port })
  const opened = await openTopic(context, `127.0.0.1:${proxy.port}`)
  const reads = await runApp(context, opened, plan)
  await opened.publish([{ value: 'read' }])
  await until('it reads', () => reads.tried.length === 1)
  await Promise.all([opened.admin.disconnect(), opened.producer.disconnect()])
  await proxy.down()
  const [later, never] = [await hangUpAt(context, proxy.port), await hangUpAt(context)]
  await runApp(context, { ...opened, brokers: `127.0.0.1:${never.port}` }, plan)
  await Promise.all([assertPatient(context, later), assertPatient(context, never)])
})
