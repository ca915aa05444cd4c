/** An embedded channel on a folder of its own, and a way to it that is not ours: plain SQL on a second connection. */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { embeddedConnector } from '../../../connectors/embedded/connector.ts'
import { systemClock } from '../../../core/clock.ts'
import type { ChannelRef, Connection, Context, ReadOptions, Source } from '../../../core/contract.ts'
import { silentLog } from '../../../core/log.ts'
import type { SourceHarness } from '../../../core/testing/contract/harness.ts'
import { type Child, startNode } from '../../support/child.ts'
import { temporaryFolder } from '../../support/folder.ts'

export interface Opened extends SourceHarness {
  readonly stateDir: string
  readonly connection: Connection
  readonly channel: ChannelRef
  readonly raw: DatabaseSync
  reader(mode: 'hold' | 'work', claims?: number): Child
}

export interface Opening {
  readonly type: 'queue' | 'topic' | 'stream'
  readonly options?: Readonly<Record<string, unknown>>
  readonly context?: Partial<Context>
}

export const GROUP = 'test'

export const openEmbedded = async (test: TestContext, opening: Opening): Promise<Opened> => {
  const stateDir = opening.context?.stateDir ?? (await temporaryFolder(test))
  const context: Context = { clock: systemClock, log: silentLog, random: () => 0.5, ...opening.context, stateDir }
  const connection = await embeddedConnector.connect('local', {}, context)
  const channel = { type: opening.type, name: 'orders', address: 'local/orders', options: opening.options ?? {} }
  const sink = await connection.openSink(channel)
  const raw = new DatabaseSync(join(stateDir, 'millrace.db'), { timeout: 5_000 })
  test.after(async () => {
    raw.close()
    await connection.close()
  })
  const reader = (mode: 'hold' | 'work', claims = 0): Child =>
    startNode(test, [
      READER,
      mode,
      stateDir,
      opening.type,
      channel.name,
      GROUP,
      String(claims),
      JSON.stringify(channel.options),
    ])
  return {
    stateDir,
    connection,
    channel,
    raw,
    reader,
    open: (read: Partial<ReadOptions> = {}): Promise<Source> =>
      connection.openSource(channel, { group: GROUP, start: 'earliest', maxInFlight: 1_000, ...read }),
    publish: async bodies => publishRaw(raw, bodies),
    async send(records) {
      for (const error of await sink.send(records)) if (error) throw error
    },
    backlog: async () => backlogRaw(raw, opening.type),
    async crash(claims) {
      const child = reader('hold', claims)
      await child.line(/^holds/)
      child.kill('SIGKILL')
      await child.ended
    },
  }
}

const READER = fileURLToPath(new URL('./reader.ts', import.meta.url))

const publishRaw = (raw: DatabaseSync, bodies: readonly string[]): void => {
  raw.exec('BEGIN IMMEDIATE')
  const { next } = raw
    .prepare('UPDATE embedded_logs SET next = next + ? WHERE channel = 1 AND partition = 0 RETURNING next')
    .get(bodies.length) as { next: number }
  const insert = raw.prepare("INSERT INTO embedded_records_1 (id, at, body) VALUES (?, unixepoch('subsec') * 1000, ?)")
  for (const [index, body] of bodies.entries()) insert.run(next - bodies.length + index, Buffer.from(body))
  raw.exec('COMMIT')
}

const BACKLOG = {
  queue: 'SELECT count(*) AS records FROM embedded_records_1',
  topic: `SELECT (SELECT count(*) FROM embedded_records_1 WHERE id >= (SELECT cursor FROM embedded_readers))
    + (SELECT count(*) FROM embedded_waiting) + (SELECT coalesce(sum(last - first + 1), 0) FROM embedded_claims)
    AS records`,
  stream: `SELECT (SELECT count(*) FROM embedded_records_1 r WHERE r.id >= l.committed AND NOT EXISTS (
    SELECT 1 FROM json_each(CASE l.finished WHEN '' THEN '[]' ELSE l.finished END) f
    WHERE r.id BETWEEN f.value ->> 0 AND f.value ->> 1)) AS records FROM embedded_lanes l WHERE l.partition = 0`,
} as const

const backlogRaw = (raw: DatabaseSync, type: Opening['type']): number =>
  (raw.prepare(BACKLOG[type]).get() as { records: number }).records
