/** PostgreSQL, by pg: outbox tables. */
import { randomUUID } from 'node:crypto'
import type { Values } from '../../core/config/option.ts'
import type { ChannelRef, Check, Connection, Connector, Context, Sink, Source } from '../../core/contract.ts'
import { errorInfo, MillraceError } from '../../core/errors.ts'
import { openPostgres, type Postgres, type PostgresOptions } from '../../core/postgres.ts'
import { postgresError } from '../../core/postgres-failure.ts'
import { postgresOptions } from './channel.ts'
import { openPostgresKeys } from './idempotency.ts'
import { createNews } from './news.ts'
import { openTable, type Right } from './opening.ts'
import { openOutbox } from './outbox.ts'
import { createSink } from './sink.ts'
import { openPostgresSlots } from './slots.ts'
import { startSweeping } from './sweeping.ts'
import { outboxTable } from './table.ts'

export const postgresConnector: Connector<PostgresOptions> = {
  kind: 'postgres',
  /** Reaches for no server: that is done where something is opened. */
  connect: async (name, options, context) =>
    connectionTo(name, await openPostgres(name, options, { log: context.log, session: PLANS }), context),
}

/**
 * A table that is empty at one moment and full at the next has statistics of neither. Rows are read by an index, in its
 * order, whatever the planner believes.
 */
const PLANS = 'SET jit = off; SET enable_seqscan = off; SET enable_bitmapscan = off'

type Settings = Values<typeof postgresOptions.channels.outbox>

const connectionTo = (name: string, postgres: Postgres, { clock, log }: Context): Connection => {
  const place = { postgres, clock, log }
  const news = createNews(postgres, place)
  const opened = new Set<Source | Sink>()
  let closing: Promise<void> | undefined
  const mustBeOpen = (): void => {
    if (closing) throw new MillraceError('APP_STATE', `the connection ${name} is closed; nothing can be opened on it`)
  }
  const close = async (): Promise<void> => {
    await Promise.all([...opened].map(each => each.close()))
    await news.close()
    await postgres.close()
  }
  return {
    async openSource(channel) {
      mustBeOpen()
      const { createTable, order, claimTimeout, keepSettled, lookEvery, notify } = settingsOf(channel)
      const table = outboxTable(channel.name)
      const needs: readonly Right[] = keepSettled === undefined ? ['SELECT', 'UPDATE', 'DELETE'] : ['SELECT', 'UPDATE']
      const tableOid = await openTable(postgres, { address: channel.address, table, create: createTable, needs })
      const claiming = { table, order, owner: randomUUID(), leaseMs: claimTimeout, keepMs: keepSettled }
      const source = openOutbox(
        { ...place, news: notify ? news : undefined },
        { channel, claiming, tableOid, lookEveryMs: lookEvery },
      )
      const stopSweeping = startSweeping(place, channel, claiming)
      const closeSource = async (): Promise<void> => {
        stopSweeping()
        await source.close()
        opened.delete(own)
      }
      const own: Source = { ...source, close: closeSource }
      opened.add(own)
      return own
    },
    async openSink(channel) {
      mustBeOpen()
      const table = outboxTable(channel.name)
      const { createTable } = settingsOf(channel)
      const open = onceDone(async () => {
        await openTable(postgres, { address: channel.address, table, create: createTable, needs: ['INSERT'] })
      })
      const sink = createSink(postgres, channel, table, open)
      opened.add(sink)
      return sink
    },
    async openKeys() {
      mustBeOpen()
      return openPostgresKeys(name, postgres)
    },
    async openSlots() {
      mustBeOpen()
      return openPostgresSlots(name, postgres)
    },
    check: async () => [await check(name, postgres)],
    close() {
      closing ??= close()
      return closing
    },
  }
}

/** Validation has checked and completed them; a channel of a test or a tool may name only what differs. */
const settingsOf = ({ options }: ChannelRef): Settings =>
  Object.fromEntries(
    Object.entries(postgresOptions.channels.outbox).map(([option, spec]) => [option, options[option] ?? spec.default]),
  ) as Settings

/** What failed is tried again by the next who asks. */
const onceDone = (run: () => Promise<void>): (() => Promise<void>) => {
  let running: Promise<void> | undefined
  return () => {
    running ??= run().catch(error => {
      running = undefined
      throw error
    })
    return running
  }
}

const check = async (name: string, { query }: Postgres): Promise<Check> => {
  try {
    const { rows } = await query<{ readonly server_version: string }>('SHOW server_version')
    return { name, ok: true, detail: `connected to PostgreSQL ${rows[0]?.server_version}` }
  } catch (thrown) {
    return { name, ok: false, detail: errorInfo(postgresError('SOURCE_FAILED', `reaching ${name}`, thrown)).message }
  }
}
