/** Deploys and kills of an app on Kafka while one of its records waits for a retry. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type OpenedTopic, openTopic } from '../connectors/kafka/opened.ts'
import { sharedBroker } from '../support/brokers/shared.ts'
import { type Child, startNode } from '../support/child.ts'
import { temporaryFolder } from '../support/folder.ts'
import { lettersIn } from '../support/killer.ts'
import { until } from '../support/until.ts'

const kafka = sharedBroker('kafka')
const skip = kafka.missing
const GROUP = 'deploys.jobs'
const LONG = { timeoutMs: 60_000 }
/** As the configuration has it. */
const MAX_IN_FLIGHT = 200

interface Field {
  readonly opened: OpenedTopic
  /** `job attempt`, in the order in which they began. */
  done(): readonly string[]
  start(stateDir: string): Child
}

const fieldOf = async (
  context: TestContext,
  { order, backoff }: { readonly order: 'lane' | 'key'; readonly backoff: string },
): Promise<Field> => {
  const opened = await openTopic(context, (await kafka.address()).url)
  const file = join(await temporaryFolder(context), 'done')
  return {
    opened,
    done: () => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : []),
    start: stateDir =>
      startNode(
        context,
        ['core/cli/main.ts', 'start', '--plain', '--config', 'test/crash/deploys/millrace.config.ts'],
        {
          env: {
            ...process.env,
            DEPLOYS_BROKERS: opened.brokers,
            DEPLOYS_TOPIC: opened.topic,
            DEPLOYS_STATE: stateDir,
            DEPLOYS_DONE: file,
            DEPLOYS_ORDER: order,
            DEPLOYS_BACKOFF: backoff,
          },
        },
      ),
  }
}

const message = (job: string, key: string) => ({ key, value: JSON.stringify({ job }) })

const DEPLOYS = 10
const TRIES = Array.from({ length: DEPLOYS + 1 }, (_, index) => `bad ${index + 1}`)

const untilParked = async ({ done, start, opened }: Field, stateDir: string): Promise<void> => {
  const app = start(stateDir)
  await until('it is parked', async () => (await lettersIn(stateDir)).length === 1, LONG)
  await until('its follower goes on', () => done().includes('follower 1'), LONG)
  await stop(app)
  assert.deepEqual(done(), [...TRIES, 'follower 1'])
  assert.equal((await lettersIn(stateDir))[0]?.reason, 'exhausted')
  assert.equal(await opened.committed(GROUP), 2)
}

const stop = async (app: Child): Promise<void> => {
  app.kill('SIGTERM')
  assert.deepEqual(await app.ended, { code: 0, signal: null })
}

for (const order of ['lane', 'key'] as const)
  test(`ten deploys on ten machines during the back-off of a failing record: it is parked after maxAttempts, with order ${order}`, {
    skip,
    timeout: 180_000,
  }, async context => {
    const field = await fieldOf(context, { order, backoff: '10m' })
    await field.opened.publish([message('bad', 'k'), message('follower', 'k')])
    for (const tried of TRIES.slice(0, DEPLOYS)) {
      const app = field.start(await temporaryFolder(context))
      await until(`it is tried: ${tried}`, () => field.done().includes(tried), LONG)
      await stop(app)
    }
    await untilParked(field, await temporaryFolder(context))
  })

test('ten deploys that keep their state folder during the back-off of a failing record: it is parked after maxAttempts', {
  skip,
  timeout: 180_000,
}, async context => {
  const field = await fieldOf(context, { order: 'key', backoff: '2s' })
  await field.opened.publish([message('bad', 'k'), message('follower', 'k')])
  const stateDir = await temporaryFolder(context)
  for (let deploy = 0; deploy < DEPLOYS; deploy += 1) {
    const app = field.start(stateDir)
    await app.line(/deploys is running/)
    if (deploy === 0) await until('it is tried', () => field.done().length > 0, LONG)
    await stop(app)
  }
  await untilParked(field, stateDir)
})

test('with order key, kill -9 behind a failing record repeats what was in flight, and not all that came after it', {
  skip,
  timeout: 120_000,
}, async context => {
  const field = await fieldOf(context, { order: 'key', backoff: '10m' })
  const stateDir = await temporaryFolder(context)
  const jobs = Array.from({ length: 5_000 }, (_, index) => `job-${index}`)
  await field.opened.publish([message('bad', 'bad'), ...jobs.map((job, index) => message(job, `k${index % 40}`))])
  const first = field.start(stateDir)
  await until('many are processed', () => field.done().length > 2_000, LONG)
  first.kill('SIGKILL')
  await first.ended
  assert.equal(await field.opened.committed(GROUP), 0, 'the lowest unfinished offset')
  const second = field.start(stateDir)
  await until('all are processed', () => new Set(field.done().map(line => line.split(' ')[0])).size === 5_001, LONG)
  second.kill('SIGTERM')
  await second.ended
  const times = Map.groupBy(field.done(), line => line.split(' ')[0])
  const repeated = jobs.filter(job => (times.get(job)?.length ?? 0) > 1)
  context.diagnostic(`${repeated.length} of ${jobs.length} records were repeated`)
  assert.ok(repeated.length <= MAX_IN_FLIGHT, `${repeated.length} were repeated`)
})

test('a process that is stopped past its session and continued is told that its record is lost, and settles nothing', {
  skip,
  timeout: 120_000,
}, async context => {
  const field = await fieldOf(context, { order: 'lane', backoff: '10m' })
  await field.opened.publish([message('long', 'k'), message('follower', 'k')])
  const stopped = field.start(await temporaryFolder(context))
  await until('the long one runs', () => field.done().length === 1, LONG)
  stopped.kill('SIGSTOP')
  const other = field.start(await temporaryFolder(context))
  await until('the other process has it', () => field.done().filter(line => line === 'long 1').length === 2, LONG)
  stopped.kill('SIGCONT')
  await until('the stopped one is told', () => field.done().includes('long was told that it is lost'), LONG)
  assert.equal(await field.opened.committed(GROUP), 0)
  await until('the other one has ended it', () => field.done().includes('long has ended'), LONG)
  await until('the follower is processed', () => field.done().includes('follower 1'), LONG)
  await Promise.all([stop(other), stop(stopped)])
  assert.equal(await field.opened.committed(GROUP), 2)
  assert.equal(field.done().filter(line => line === 'follower 1').length, 1)
})
