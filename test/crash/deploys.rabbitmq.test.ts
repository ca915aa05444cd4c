/** Deploys of an app on RabbitMQ: while a record waits for a retry, while a function runs, while there is no broker. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { readStatus } from '../../core/status-board.ts'
import { type OpenedQueue, openQueue } from '../connectors/rabbitmq/opened.ts'
import { queueCounts } from '../support/brokers/rabbit-counts.ts'
import { sharedBroker } from '../support/brokers/shared.ts'
import { type Child, startNode } from '../support/child.ts'
import { temporaryFolder } from '../support/folder.ts'
import { lettersIn } from '../support/killer.ts'
import { until } from '../support/until.ts'

const rabbitmq = sharedBroker('rabbitmq')
const counts = queueCounts()
const skip = rabbitmq.missingOwn
const LONG = { timeoutMs: 60_000 }

interface Field {
  readonly opened: OpenedQueue
  /** `job attempt`, in the order in which they began. */
  done(): readonly string[]
  start(stateDir: string): Child
  /** By a website that gives each a `message-id`. */
  publish(...jobs: readonly string[]): Promise<void>
  /** Of the queue and its delay queues. */
  left(): Promise<number>
}

const fieldOf = async (context: TestContext): Promise<Field> => {
  const broker = await rabbitmq.own()
  const opened = await openQueue(context, broker.url)
  const file = join(await temporaryFolder(context), 'done')
  const { url: DEPLOYS_URL, queue: DEPLOYS_QUEUE } = opened
  return {
    opened,
    done: () => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : []),
    start: stateDir =>
      startNode(
        context,
        ['core/cli/main.ts', 'start', '--plain', '--config', 'test/crash/rabbit-deploys/millrace.config.ts'],
        { env: { ...process.env, DEPLOYS_URL, DEPLOYS_QUEUE, DEPLOYS_STATE: stateDir, DEPLOYS_DONE: file } },
      ),
    async publish(...jobs) {
      for (const job of jobs) await opened.publish([JSON.stringify({ job })], { messageId: `id-${job}` })
    },
    left: () => counts.records(broker, opened.queue),
  }
}

const stop = async (app: Child): Promise<void> => {
  app.kill('SIGTERM')
  assert.deepEqual(await app.ended, { code: 0, signal: null }, app.errors())
}

/** What a function that failed has said is charged a moment later, and only while its claim is there. */
const retriedIn = async (stateDir: string, count: number): Promise<boolean> =>
  (await readStatus(stateDir)).some(({ status }) => status.mappings[0]?.counts.retried === count)

const DEPLOYS = 10

test('ten deploys on ten machines during the back-off of a failing record: it is parked after maxAttempts', {
  skip,
  timeout: 180_000,
}, async context => {
  const field = await fieldOf(context)
  await field.publish('bad', 'good')
  const tries = Array.from({ length: DEPLOYS + 1 }, (_, index) => `bad ${index + 1}`)
  for (const tried of tries.slice(0, DEPLOYS)) {
    const app = field.start(await temporaryFolder(context))
    await until(`it is tried: ${tried}`, () => field.done().includes(tried), LONG)
    await stop(app)
  }
  const stateDir = await temporaryFolder(context)
  const app = field.start(stateDir)
  await until('it is parked', async () => (await lettersIn(stateDir)).length === 1, LONG)
  await until('nothing is left', async () => (await field.left()) === 0)
  await stop(app)
  assert.deepEqual(
    field.done().filter(line => line.startsWith('bad')),
    tries,
  )
  assert.deepEqual(
    field.done().filter(line => line.startsWith('good')),
    ['good 1'],
  )
  assert.equal((await lettersIn(stateDir))[0]?.reason, 'exhausted')
})

test('SIGTERM while a function runs: it ends, is acknowledged, and nothing comes again', { skip }, async context => {
  const field = await fieldOf(context)
  await field.publish('long')
  const app = field.start(await temporaryFolder(context))
  await until('it runs', () => field.done().length === 1, LONG)
  await field.publish('after', 'that')
  await stop(app)
  assert.deepEqual(field.done().slice(0, 2), ['long 1', 'long has ended'])
  const next = field.start(await temporaryFolder(context))
  await until('the others are processed', async () => (await field.left()) === 0, LONG)
  await stop(next)
  assert.deepEqual(field.done().toSorted(), ['after 1', 'long 1', 'long has ended', 'that 1'])
})

test('SIGTERM while there is no connection: it ends in order, and the next one goes on with attempts', {
  skip,
}, async context => {
  const field = await fieldOf(context)
  await field.publish('bad')
  const stateDir = await temporaryFolder(context)
  const app = field.start(stateDir)
  await until('its failure is charged', () => retriedIn(stateDir, 1), LONG)
  await field.opened.proxy.down()
  await app.line(/failed, and is tried again/)
  await stop(app)
  const next = field.start(stateDir)
  await next.line(/the broker cannot be reached/)
  await field.opened.proxy.up()
  await until('it is tried again', () => field.done().length === 2, LONG)
  await stop(next)
  assert.deepEqual(field.done(), ['bad 1', 'bad 2'])
})
