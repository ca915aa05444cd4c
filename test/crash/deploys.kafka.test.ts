/** Deploys and kills of an app on Kafka while one of its records waits for a retry. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sharedBroker } from '../support/brokers/shared.ts'
import { temporaryFolder } from '../support/folder.ts'
import { lettersIn } from '../support/killer.ts'
import { until } from '../support/until.ts'
import { type Field, GROUP, LONG, message, openField, stop } from './deploys/field.ts'

const kafka = sharedBroker('kafka')
const skip = kafka.missing
/** As the configuration has it. */
const MAX_IN_FLIGHT = 200

const DEPLOYS = 10
const TRIES = Array.from({ length: DEPLOYS + 1 }, (_, index) => `bad ${index + 1}`)

const untilParked = async ({ done, start, opened }: Field, stateDir: string): Promise<void> => {
  const app = await start(stateDir)
  await until('it is parked', async () => (await lettersIn(stateDir)).length === 1, LONG)
  await until('its follower goes on', () => done().includes('follower 1'), LONG)
  await stop(app)
  assert.deepEqual(done(), [...TRIES, 'follower 1'])
  assert.equal((await lettersIn(stateDir))[0]?.reason, 'exhausted')
  assert.equal(await opened.committed(GROUP), 2)
}

for (const order of ['lane', 'key'] as const)
  test(`ten deploys on ten machines during the back-off of a failing record: it is parked after maxAttempts, with order ${order}`, {
    skip,
    timeout: 180_000,
  }, async context => {
    const field = await openField(context, (await kafka.address()).url, { order, backoff: '10m' })
    await field.opened.publish([message('bad'), message('follower')])
    for (const tried of TRIES.slice(0, DEPLOYS)) {
      const app = await field.start()
      await until(`it is tried: ${tried}`, () => field.done().includes(tried), LONG)
      await stop(app)
    }
    await untilParked(field, await temporaryFolder(context))
  })

test('ten deploys that keep their state folder during the back-off of a failing record: it is parked after maxAttempts', {
  skip,
  timeout: 180_000,
}, async context => {
  const field = await openField(context, (await kafka.address()).url, { order: 'key', backoff: '2s' })
  await field.opened.publish([message('bad'), message('follower')])
  const stateDir = await temporaryFolder(context)
  for (let deploy = 0; deploy < DEPLOYS; deploy += 1) {
    const app = await field.start(stateDir)
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
  const field = await openField(context, (await kafka.address()).url, { order: 'key', backoff: '10m' })
  const stateDir = await temporaryFolder(context)
  const jobs = Array.from({ length: 5_000 }, (_, index) => `job-${index}`)
  await field.opened.publish([message('bad', 'bad'), ...jobs.map((job, index) => message(job, `k${index % 40}`))])
  const first = await field.start(stateDir)
  await until('many are processed', () => field.done().length > 2_000, LONG)
  first.kill('SIGKILL')
  await first.ended
  assert.equal(await field.opened.committed(GROUP), 0, 'the lowest unfinished offset')
  const second = await field.start(stateDir)
  await until('all are processed', () => new Set(field.done().map(line => line.split(' ')[0])).size === 5_001, LONG)
  second.kill('SIGTERM')
  await second.ended
  const times = Map.groupBy(field.done(), line => line.split(' ')[0])
  const repeated = jobs.filter(job => (times.get(job)?.length ?? 0) > 1)
  context.diagnostic(`${repeated.length} of ${jobs.length} records were repeated`)
  assert.ok(repeated.length <= MAX_IN_FLIGHT, `${repeated.length} were repeated`)
})
