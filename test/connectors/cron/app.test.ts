/** Schedules in an app: the README's code, format `lambda`, and a test app. */
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { cron } from '../../../connectors/cron/channel.ts'
import { createApp } from '../../../core/app.ts'
import { onRecord } from '../../../core/function/on-record.ts'
import { testApp } from '../../../core/testing/test-app.ts'
import { startNode } from '../../support/child.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { until } from '../../support/until.ts'

const ROOT = join(import.meta.dirname, '../../..')

test('the code of the README runs, and says what is due', async context => {
  const readme = await readFile(join(ROOT, 'connectors/cron/README.md'), 'utf8')
  const folder = await mkdtemp(join(ROOT, 'test/connectors/cron/reader-'))
  context.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  for (const [, file = '', code = ''] of readme.matchAll(/```ts\n\/\/ (\S+)\n([\s\S]*?)```/g))
    await writeFile(join(folder, file), code)
  const millrace = (...args: readonly string[]) =>
    startNode(context, [join(ROOT, 'core/cli/main.ts'), ...args], { cwd: folder })
  const app = millrace('start', '--plain')
  await app.line(/pulse was due at \S+Z, \S+\+00:00 by the clock of UTC: cron:pulse:\S+Z/)
  const next = millrace('cron', 'next', 'nightly')
  await next.line(/nightly: every day at 02:00 in Europe\/Berlin/)
  app.kill('SIGTERM')
  assert.deepEqual(await app.ended, { code: 0, signal: null })
})

test("in format lambda a slot is EventBridge's scheduled event, one for each invocation; what fails is a dead letter", async context => {
  const events: { readonly id: string; readonly time: string; readonly resources: readonly string[] }[] = []
  const app = createApp({
    name: 'app',
    stateDir: await temporaryFolder(context),
    functions: {},
    mappings: {
      report: {
        source: cron('pulse', { every: '1s' }),
        format: 'lambda',
        maxAttempts: 1,
        function: (event: (typeof events)[number]) => {
          events.push(event)
          if (events.length === 1) throw new Error('the first fails')
        },
      },
    },
  })
  context.after(() => app.stop())
  await app.start()
  await until('there were two', () => events.length >= 2)
  const letters = await until('the first is a dead letter', async () => {
    const found = await app.deadLetters.list()
    return found.length > 0 && found
  })
  const [first] = events
  assert.deepEqual(first, {
    version: '0',
    id: `cron:pulse:${first?.time}`,
    'detail-type': 'Scheduled Event',
    source: 'aws.events',
    account: '000000000000',
    time: first?.time,
    region: 'local',
    resources: ['arn:millrace:events:local:000000000000:rule/pulse'],
    detail: {},
  })
  assert.equal(letters[0]?.recordId, first?.id)
})

test('in a test app a schedule is due when the test says so', async () => {
  const nightly = cron('nightly', { at: '0 2 * * *' })
  const slots: string[] = []
  const app = await testApp({
    name: 'app',
    functions: {},
    mappings: {
      report: { source: nightly, function: onRecord(nightly, async ({ data }) => void slots.push(data.slot)) },
    },
  })
  const slot = '2026-01-02T02:00:00Z'
  await app.send(nightly, [{ data: { schedule: 'nightly', slot, local: '2026-01-02T02:00:00+00:00', zone: 'UTC' } }])
  await app.idle()
  assert.deepEqual(slots, [slot])
  await app.stop()
})
