/** One topic, several functions: each has every record, a position, retries and dead letters of its own, and a filter. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import {
  type App,
  type Channel,
  createApp,
  defineConfig,
  embedded,
  type MappingConfig,
  NotRetryable,
  onRecord,
} from 'millrace'
import { kafka } from 'millrace/kafka'
import { rabbitmq } from 'millrace/rabbitmq'
import { redis } from 'millrace/redis'
import { makeTopic, plainKafka } from '../support/brokers/kafka-client.ts'
import { sharedBroker } from '../support/brokers/shared.ts'
import { temporaryFolder } from '../support/folder.ts'
import { until } from '../support/until.ts'

interface Order {
  readonly id: string
  readonly region: 'eu' | 'us'
}

interface Place {
  /** What is sent to. */
  readonly channel: Channel<Order>
  /** What a group's function is written for, and what its mapping reads. */
  readonly read: (group: string) => { readonly written: Channel<Order>; readonly source: MappingConfig['source'] }
}

const [kafkaServer, rabbitServer, redisServer] = [
  sharedBroker('kafka'),
  sharedBroker('rabbitmq'),
  sharedBroker('redis'),
]

const PLACES: Readonly<
  Record<string, { readonly missing: string | false; readonly open: (name: string) => Promise<Place> }>
> = {
  'an embedded topic': {
    missing: false,
    async open(name) {
      const channel = embedded().topic<Order>(name)
      return { channel, read: group => ({ written: channel, source: channel.read({ group }) }) }
    },
  },
  'a Kafka topic, by groups': {
    missing: kafkaServer.missing,
    async open(name) {
      const brokers = (await kafkaServer.address()).url
      const admin = plainKafka(brokers).admin()
      await admin.connect()
      await makeTopic(admin, { topic: name, numPartitions: 2 })
      await admin.disconnect()
      const channel = kafka('shop', { brokers }).topic<Order>(name)
      return { channel, read: group => ({ written: channel, source: channel.read({ group: `${name}.${group}` }) }) }
    },
  },
  'a topic exchange of RabbitMQ, by queues': {
    missing: rabbitServer.missing,
    async open(name) {
      const channel = rabbitmq('shop', { url: (await rabbitServer.address()).url }).exchange<Order>(name, {
        type: 'topic',
      })
      return {
        channel,
        read: group => {
          const queue = channel.read({ group: `${name}.${group}`, keys: ['#'] })
          return { written: queue, source: queue }
        },
      }
    },
  },
  'a fanout exchange of RabbitMQ, by queues': {
    missing: rabbitServer.missing,
    async open(name) {
      const channel = rabbitmq('shop', { url: (await rabbitServer.address()).url }).exchange<Order>(name, {
        type: 'fanout',
      })
      return {
        channel,
        read: group => {
          const queue = channel.read({ group: `${name}.${group}` })
          return { written: queue, source: queue }
        },
      }
    },
  },
  'a Redis stream, by groups': {
    missing: redisServer.missing,
    async open(name) {
      const channel = redis('shop', { url: (await redisServer.address()).url }).stream<Order>(name)
      return { channel, read: group => ({ written: channel, source: channel.read({ group }) }) }
    },
  },
}

/** The second half is sent while two of the three functions do not run. */
const HALF = 20
const FAILS_ONCE = 'o-3'
const POISON = 'o-5'

const order = (number: number) => ({
  id: `o-${number}`,
  key: `customer-${number % 4}`,
  data: { id: `o-${number}`, region: number % 2 === 0 ? 'eu' : 'us' } as const,
})
const orders = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => order(from + index))
const ids = (sent: ReturnType<typeof orders>): readonly string[] => sent.map(({ id }) => id).toSorted()

for (const [what, { missing, open }] of Object.entries(PLACES))
  test(`${what}: every function has every record, at its own pace, and fails for itself`, {
    skip: missing,
    timeout: 120_000,
  }, async context => {
    const { channel, read } = await open(`orders-${randomUUID().slice(0, 8)}`)
    const stateDir = await temporaryFolder(context)
    const tries: Record<string, string[]> = { billing: [], mail: [], eu: [] }
    const noted = (name: string) =>
      onRecord(read(name).written, async ({ data: { id }, attempt }) => {
        tries[name]?.push(id)
        if (name === 'billing' && id === FAILS_ONCE && attempt === 1) throw new Error('the bank does not answer')
        if (name === 'billing' && id === POISON) throw new NotRetryable('no such customer')
      })
    const seen = (name: string): readonly string[] => [...new Set(tries[name])].toSorted()
    const mappings = {
      billing: { source: read('billing').source, function: noted('billing'), backoff: { initial: '50ms' } },
      mail: { source: read('mail').source, function: noted('mail') },
      eu: { source: read('eu').source, function: noted('eu'), filter: { data: { region: ['eu'] } } },
    }
    const running = async (
      names: readonly (keyof typeof mappings)[],
      run: (app: App) => Promise<void>,
    ): Promise<void> => {
      const chosen = Object.fromEntries(names.map(name => [name, mappings[name]]))
      const app = createApp(defineConfig({ name: 'shop', stateDir, channels: [channel], mappings: chosen as never }))
      await app.start()
      try {
        await run(app)
      } finally {
        await app.stop()
      }
    }
    const [first, second] = [orders(0, HALF), orders(HALF, 2 * HALF)]
    const ofEu = (sent: typeof first) => ids(sent.filter(({ data }) => data.region === 'eu'))

    await running(['billing', 'mail', 'eu'], async app => {
      await app.send(channel, first)
      await until('all have what is theirs', async () => {
        const done = seen('billing').length === HALF && seen('mail').length === HALF && seen('eu').length === HALF / 2
        const retried = tries.billing?.filter(id => id === FAILS_ONCE).length === 2
        return done && retried && (await app.deadLetters.list()).length === 1
      })
      const letters = await app.deadLetters.list()
      assert.deepEqual(
        letters.map(({ mapping, reason }) => [mapping, reason]),
        [['billing', 'not-retryable']],
        'and nobody else has lost it',
      )
    })
    await running(['billing'], async app => {
      await app.send(channel, second)
      await until('billing goes on alone', () => seen('billing').length === 2 * HALF)
    })
    await running(['mail', 'eu'], async () => {
      await until(
        'the others go on where they were',
        () => seen('mail').length === 2 * HALF && seen('eu').length === HALF,
      )
    })
    assert.deepEqual(seen('mail'), ids([...first, ...second]))
    assert.deepEqual(seen('eu'), ofEu([...first, ...second]))
    // A clean stop causes no duplicate: what was tried more than once was retried.
    assert.deepEqual(tries.billing?.toSorted(), [...ids([...first, ...second]), FAILS_ONCE].toSorted())
    assert.deepEqual([tries.mail?.length, tries.eu?.length], [2 * HALF, HALF])
  })
