/** The request that an environment is started for: it is there when Init ends, and nothing of it happens before. */
import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../../../core/clock.ts'
import { STAGED_BYTES } from '../../../core/engine/hosting/requests.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { until } from '../../support/until.ts'
import { harness, outcomeAs } from './harness.ts'
import { everyIsolation, inEveryIsolation } from './isolations.ts'

const HOSTED = { timeout: 'mostly' } as const

/** Its Init ends when it is told to by a file; then it says so by one, and what it had left of its time. */
const waiting = (folder: string): string => `
  import { existsSync, writeFileSync } from 'node:fs'
  import { setTimeout as pause } from 'node:timers/promises'
  const at = name => ${JSON.stringify(folder)} + '/' + name
  console.log('imported')
  writeFileSync(at('importing'), '')
  while (!existsSync(at('go'))) await pause(5)
  let runs = 0
  export const handler = (records, context) => {
    runs += 1
    console.log('run', runs)
    writeFileSync(at('ran'), '')
    return { runs, size: JSON.stringify(records[0].data ?? null).length, leftMs: context.getRemainingTimeInMillis() }
  }`

const GIVE_UP_MS = 20_000

inEveryIsolation(
  'the first request begins when Init has ended, without another word of the host',
  async (context, isolation) => {
    const folder = await temporaryFolder(context)
    const { run } = await harness(context, { f: { source: waiting(folder), isolation } })
    const running = run('f')
    await until('it is imported', () => existsSync(join(folder, 'importing')))
    writeFileSync(join(folder, 'go'), '')
    // Nothing of the host goes on meanwhile.
    const giveUpAt = systemClock.monotonic() + GIVE_UP_MS
    while (!existsSync(join(folder, 'ran')) && systemClock.monotonic() < giveUpAt);
    assert.ok(existsSync(join(folder, 'ran')))
    const { outcome, cold } = await running
    assert.equal(outcome.kind, 'answered')
    assert.equal(cold, true)
  },
  HOSTED,
)

inEveryIsolation(
  'its time begins when Init has ended, and its report has what Init printed; that of the second has neither',
  async (context, isolation) => {
    const folder = await temporaryFolder(context)
    const { run } = await harness(context, { f: { source: waiting(folder), isolation, timeoutMs: 5_000 } })
    const running = run('f')
    await until('it is imported', () => existsSync(join(folder, 'importing')))
    await new Promise(resolve => setTimeout(resolve, 2_000))
    writeFileSync(join(folder, 'go'), '')
    const first = await running
    const { leftMs } = outcomeAs(first, 'answered').value as { leftMs: number }
    assert.ok(leftMs > 3_500 && leftMs <= 5_000, `${leftMs} ms of 5,000 were left`)
    assert.deepEqual(first.logs, ['imported', 'run 1'])
    assert.deepEqual((await run('f')).logs, ['run 2'])
  },
  HOSTED,
)

inEveryIsolation(
  'one whose claims are lost during Init is aborted, and the next runs there',
  async (context, isolation) => {
    const folder = await temporaryFolder(context)
    const { run } = await harness(context, { f: { source: waiting(folder), isolation, maxEnvironments: 1 } })
    const lost = new AbortController()
    const running = run('f', ['{}'], { signal: lost.signal })
    await until('it is imported', () => existsSync(join(folder, 'importing')))
    lost.abort()
    writeFileSync(join(folder, 'go'), '')
    assert.equal((await running).outcome.kind, 'aborted')
    const next = await run('f')
    assert.deepEqual([next.outcome.kind, next.cold], ['answered', false])
  },
  HOSTED,
)

inEveryIsolation(
  'one that is larger than what is sent ahead is sent when Init has ended',
  async (context, isolation) => {
    const folder = await temporaryFolder(context)
    writeFileSync(join(folder, 'go'), '')
    const { run } = await harness(context, { f: { source: waiting(folder), isolation } })
    const text = JSON.stringify('x'.repeat(3 * STAGED_BYTES))
    const { size } = outcomeAs(await run('f', [text]), 'answered').value as { size: number }
    assert.equal(size, text.length)
  },
  HOSTED,
)

everyIsolation(
  'one whose Init fails was not begun, and the environment is over',
  {
    source:
      "import { setTimeout as pause } from 'node:timers/promises'; await pause(50); throw new Error('no database')",
  },
  async ({ run, engine }) => {
    for (let times = 0; times < 2; times += 1) outcomeAs(await run('f'), 'not-ready')
    assert.equal(engine.stats('f').environments, 0)
  },
)
