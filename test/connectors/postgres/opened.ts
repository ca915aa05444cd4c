/** An outbox on the real server for one test: our sources on it, and an independent client beside them. */
import { randomUUID } from 'node:crypto'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import { postgresConnector } from '../../../connectors/postgres/connector.ts'
import { systemClock } from '../../../core/clock.ts'
import type { ChannelRef, Connection, ReadOptions, Source } from '../../../core/contract.ts'
import { type Log, silentLog } from '../../../core/log.ts'
import type { PostgresOptions } from '../../../core/postgres.ts'
import type { SourceHarness } from '../../../core/testing/contract/harness.ts'
import { type Child, startNode } from '../../support/child.ts'
import { type FaultProxy, openProxy } from '../../support/proxy.ts'
import { until } from '../../support/until.ts'

export interface OpenedOutbox extends SourceHarness {
  readonly channel: ChannelRef
  /** The name of its table. */
  readonly table: string
  /** Independent of our code. */
  readonly raw: Client
  /** Our sources reach the server through it. */
  readonly proxy: FaultProxy
  openWith(options: ChannelRef['options'], log?: Log): Promise<Source>
  reader(mode: 'hold' | 'work', argument: string): Child
}

/** Short, so that a reader that is gone is noticed within a test's patience. */
const LEASE_MS = 1_000

export const READ: ReadOptions = { group: 'test', start: 'earliest', maxInFlight: 1_000 }

export const connectionTo = async (
  context: TestContext,
  options: PostgresOptions,
  log: Log = silentLog,
): Promise<Connection> => {
  const tools = { clock: systemClock, log, random: Math.random, stateDir: '/nowhere' }
  const connection = await postgresConnector.connect('shop', options, tools)
  context.after(() => connection.close())
  return connection
}

export const rawClient = async (context: TestContext, url: string): Promise<Client> => {
  const raw = new Client({ connectionString: url })
  raw.on('error', () => {})
  await raw.connect()
  context.after(() => raw.end())
  return raw
}

export const outboxRef = (name: string, options: ChannelRef['options'] = {}): ChannelRef => ({
  type: 'outbox',
  name,
  address: `shop/${name}`,
  options: { createTable: true, claimTimeout: LEASE_MS, ...options },
})

export const openTestOutbox = async (
  context: TestContext,
  { url }: { readonly url: string },
  options: ChannelRef['options'] = {},
): Promise<OpenedOutbox> => {
  const raw = { client: await rawClient(context, url) }
  const proxy = await openProxy(context, { to: Number(new URL(url).port) })
  const through = new URL(url)
  through.port = String(proxy.port)
  const table = `outbox_${randomUUID().replaceAll('-', '_')}`
  const channel = outboxRef(table, options)
  const sender = await connectionTo(context, { url })
  // Makes the table, so that others can write before anybody reads.
  await (await sender.openSource(channel, READ)).close()
  const openWith = async (changed: ChannelRef['options'], log?: Log): Promise<Source> => {
    const connection = await connectionTo(context, { url: through.href }, log)
    return connection.openSource({ ...channel, options: { ...channel.options, ...changed } }, READ)
  }
  /** The server may have been restarted in between. */
  const query = async (sql: string, values: readonly unknown[] = []) => {
    const answer = await raw.client.query(sql, [...values]).catch(async () => {
      raw.client = await rawClient(context, url)
      return raw.client.query(sql, [...values])
    })
    return answer.rows
  }
  context.after(() => query(`DROP TABLE IF EXISTS ${table}`))
  const reader = (mode: 'hold' | 'work', argument: string): Child =>
    startNode(context, [READER, mode, url, JSON.stringify(channel), argument])
  return {
    channel,
    table,
    get raw() {
      return raw.client
    },
    proxy,
    openWith,
    reader,
    open: () => openWith({}),
    async publish(bodies) {
      await query(
        `INSERT INTO ${table} (body) SELECT convert_to(body, 'UTF8')
         FROM unnest($1::text[]) WITH ORDINALITY AS given (body, number) ORDER BY number`,
        [bodies],
      )
    },
    async send(records) {
      const sink = await sender.openSink(channel)
      for (const error of await sink.send(records)) if (error) throw error
      await sink.close()
    },
    async backlog() {
      const [row] = await query(`SELECT count(*)::integer AS count FROM ${table} WHERE settled_at IS NULL`)
      return row.count
    },
    async crash(claims) {
      const child = reader('hold', String(claims))
      await child.line(/^holds/)
      child.kill('SIGKILL')
      await child.ended
      await until('its leases have ended', async () => {
        const [row] = await query(`SELECT count(*)::integer AS count FROM ${table} WHERE claimed_until > now()`)
        return row.count === 0
      })
    },
    cut: async () => proxy.reset(),
  }
}

const READER = fileURLToPath(new URL('./reader-main.ts', import.meta.url))
