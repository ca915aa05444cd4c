import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { cron } from '../../../connectors/cron/channel.ts'
import { postgres } from '../../../connectors/postgres/channel.ts'
import { createApp } from '../../../core/app.ts'
import { onRecord } from '../../../core/function/on-record.ts'
import { freshDatabase } from '../../support/brokers/database.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { startNode } from '../../support/child.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { until } from '../../support/until.ts'
import { rawClient } from '../postgres/opened.ts'
import { judgeSlots } from './judge.ts'

const server = sharedBroker('postgres')

test('processes without a common folder share slots in PostgreSQL: each once, and again what a killed one had', {
  skip: server.missing,
}, async context => {
  const SLOTS_URL = await freshDatabase(context, await server.address())
  const raw = await rawClient(context, SLOTS_URL)
  const options = JSON.stringify({
    every: 1_000,
    zone: 'UTC',
    missed: 'latest',
    overlap: 'allow',
    jitter: 0,
    maxWaiting: 1_000,
  })
  const reader = async () => {
    const args = ['test/connectors/cron/reader-main.ts', 'work', await temporaryFolder(context), options]
    return startNode(context, args, { env: { ...process.env, SLOTS_URL } })
  }
  const readers = await Promise.all([reader(), reader(), reader()])
  await Promise.all(readers.map(each => each.line(/^open/)))
  const lines = (): readonly string[] => readers.flatMap(each => each.output().split('\n'))
  const busy = await until('one of them has a slot', () =>
    readers.find(each => each.output().split('has ').length > each.output().split('done ').length),
  )
  busy.kill('SIGKILL')
  await busy.ended
  // Nobody waits half a minute for its lease here: it ends now, and that of no other.
  const held = 'SELECT member FROM millrace_cron_slots WHERE member IS NOT NULL ORDER BY slot LIMIT 1'
  await raw.query(`UPDATE millrace_cron_members SET until = now() - interval '1 second' WHERE number = (${held})`)
  await until('enough slots are done', () => judgeSlots(lines()).once >= 5 && judgeSlots(lines()).again === 1)
  assert.deepEqual(judgeSlots(lines()).unexplained, [])
})

for (const option of ['slots', 'state'] as const)
  test(`two apps with state folders of their own and one database as ${option} have each slot once`, {
    skip: server.missing,
  }, async context => {
    const url = await freshDatabase(context, await server.address())
    const had: string[] = []
    const pulse = cron('pulse', { every: '1s' })
    const note = onRecord(pulse, async ({ id }) => void had.push(id))
    const folder = await temporaryFolder(context)
    const apps = ['one', 'other'].map(machine =>
      createApp({
        name: 'shop',
        stateDir: join(folder, machine),
        [option]: postgres('main', { url }),
        functions: {},
        mappings: { pulse: { source: pulse, function: note } },
      }),
    )
    try {
      await Promise.all(apps.map(app => app.start()))
      await until('there were four', () => had.length >= 4)
    } finally {
      await Promise.all(apps.map(app => app.stop()))
    }
    assert.equal(new Set(had).size, had.length)
  })
