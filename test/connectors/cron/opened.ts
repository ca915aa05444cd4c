/** A schedule on a folder of its own, whose slots become due by a wall clock that the test puts forward. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { CronOptions } from '../../../connectors/cron/channel.ts'
import { cron } from '../../../connectors/cron/channel.ts'
import { cronConnector } from '../../../connectors/cron/connector.ts'
import { type Clock, systemClock } from '../../../core/clock.ts'
import { channelBook } from '../../../core/config/channel-book.ts'
import type { ChannelRef, Connection, Delivery, ReadOptions, Source } from '../../../core/contract.ts'
import { type Log, silentLog } from '../../../core/log.ts'
import type { SourceHarness } from '../../../core/testing/contract/harness.ts'
import { type Child, startNode } from '../../support/child.ts'
import { temporaryFolder } from '../../support/folder.ts'

export interface Opened {
  readonly stateDir: string
  readonly channel: ChannelRef
  readonly connection: Connection
  readonly raw: DatabaseSync
  /** Milliseconds since the epoch. */
  now(): number
  setWall(epochMs: number): void
  open(read?: Partial<ReadOptions>): Promise<Source>
  reader(mode: 'hold' | 'work', claims?: number): Child
}

/** A Wednesday, 12:00:00 UTC, where the wall clock of a test begins. */
export const NOON = Date.UTC(2026, 6, 1, 12)
const HOUR_MS = 3_600_000
export const GROUP = 'test'

export const openCron = async (
  test: TestContext,
  options: CronOptions,
  { log = silentLog, stateDir }: { readonly log?: Log; readonly stateDir?: string } = {},
): Promise<Opened> => {
  const folder = stateDir ?? (await temporaryFolder(test))
  let setTo = { wallMs: NOON, atMs: performance.now() }
  const now = (): number => Math.floor(setTo.wallMs + performance.now() - setTo.atMs)
  const clock: Clock = { ...systemClock, now }
  const connection = await cronConnector.connect('cron', {}, { clock, log, random: () => 0.5, stateDir: folder })
  const channel = complete(cron('nightly', options))
  const raw = new DatabaseSync(join(folder, 'millrace.db'), { timeout: 5_000 })
  test.after(async () => {
    raw.close()
    await connection.close()
  })
  return {
    stateDir: folder,
    channel,
    connection,
    raw,
    now,
    setWall: epochMs => {
      setTo = { wallMs: epochMs, atMs: performance.now() }
    },
    open: (read = {}) =>
      connection.openSource(channel, { group: GROUP, start: 'earliest', maxInFlight: 1_000, ...read }),
    reader: (mode, claims = 0) =>
      startNode(test, [READER, mode, folder, JSON.stringify(channel.options), String(now()), String(claims)]),
  }
}

const READER = fileURLToPath(new URL('./reader-main.ts', import.meta.url))

/** The channel as an app has it: every option checked and there. Throws where there is a problem. */
export const complete = (channel: ReturnType<typeof cron>): ChannelRef => {
  const problems: { readonly path: string; readonly message: string }[] = []
  const entered = channelBook(problems).enter(channel, 'source')
  if (!entered) throw new Error(problems.map(({ path, message }) => `${path} ${message}`).join('\n'))
  return entered
}

/**
 * For the contract of sources: publishing is time that passes, an hour for each record of a schedule that is due every
 * hour, and what comes is given the body that was to be published then.
 */
export const cronHarness = async (test: TestContext): Promise<SourceHarness> => {
  const opened = await openCron(test, { every: '1h', missed: { all: 10_000 } })
  const published: string[] = []
  const originals = new WeakMap<Delivery, Delivery>()
  await (await opened.open()).close()
  const named = (delivery: Delivery): Delivery => {
    const index = (delivery.record.time - NOON) / HOUR_MS - 1
    const record = { ...delivery.record, body: Buffer.from(published[index] ?? 'not published') }
    const shown = { ...delivery, record }
    originals.set(shown, delivery)
    return shown
  }
  return {
    async open(read) {
      const source = await opened.open(read)
      return {
        ...source,
        poll: async request => (await source.poll(request)).map(named),
        settle: verdicts =>
          source.settle(verdicts.map(each => ({ ...each, delivery: originals.get(each.delivery) ?? each.delivery }))),
      }
    },
    async publish(bodies) {
      published.push(...bodies)
      opened.setWall(opened.now() + bodies.length * HOUR_MS)
    },
    send: async () => assert.fail('nothing can be sent to a schedule'),
    async backlog() {
      const { last } = opened.raw.prepare('SELECT last FROM cron_readers').get() as { last: number }
      const { rows } = opened.raw.prepare('SELECT count(*) AS rows FROM cron_slots').get() as { rows: number }
      return rows + Math.floor(opened.now() / HOUR_MS) - Math.floor(last / HOUR_MS)
    },
    async crash(claims) {
      const child = opened.reader('hold', claims)
      await child.line(/^holds/)
      child.kill('SIGKILL')
      await child.ended
    },
  }
}
