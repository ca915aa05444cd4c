import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { createVirtualClock } from '../../../core/testing/virtual-clock.ts'
import { millrace } from '../../support/terminal.ts'

/** Below the repository, so that `millrace` is found as a dependency would be. */
const ROOT = join(import.meta.dirname, '../../..')

const CONFIG = `import { defineConfig } from 'millrace'
import { cron } from 'millrace/cron'
export default defineConfig({
  name: 'app',
  functions: {},
  mappings: {
    report: { source: cron('nightly', { at: '30 2 * * *', zone: 'Europe/Berlin' }), function: () => undefined },
  },
})
`

test('cron next says in words and times when a schedule is due, and why one run is at another time', async context => {
  const cwd = await mkdtemp(join(ROOT, 'test/core/cli/cron-'))
  context.after(() => rm(cwd, { recursive: true, force: true }))
  await writeFile(join(cwd, 'millrace.config.ts'), CONFIG)
  const clock = createVirtualClock(Date.UTC(2026, 2, 27, 12))
  const run = (...args: readonly string[]) => millrace(['cron', 'next', ...args], { cwd, host: { clock } })
  assert.deepEqual(await run('nightly', '--count', '3'), {
    code: 0,
    out: `nightly: every day at 02:30 in Europe/Berlin
Saturday  2026-03-28T02:30:00+01:00  2026-03-28T01:30:00Z
Sunday    2026-03-29T03:00:00+02:00  2026-03-29T01:00:00Z  the clock is put forward from 02:00
Monday    2026-03-30T02:30:00+02:00  2026-03-30T00:30:00Z
`,
    err: '',
  })
  const json = JSON.parse((await run('cron/nightly', '-n', '1', '--json')).out)
  assert.deepEqual(json, {
    schedule: 'cron/nightly',
    words: 'every day at 02:30 in Europe/Berlin',
    runs: [{ slot: '2026-03-28T01:30:00Z', local: '2026-03-28T02:30:00+01:00', weekday: 'Saturday' }],
  })
  assert.match((await run('weekly')).err, /there is no schedule "weekly"; there are: nightly \(CLI_USAGE\)/)
  assert.match((await run('nightly', '--count', '0')).err, /--count must be between 1 and 1000, got 0/)
})
