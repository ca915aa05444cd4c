/**
 * A PostgreSQL server as several rooms use it: a few connections, by the package pg, which users install who need it.
 *
 * What was under way when a connection broke is rejected and never sent again here: whether it was done is for the
 * caller to find out. The next query gets a new connection.
 */
import type { ClientBase, ClientConfig, Pool, PoolConfig } from 'pg'
import { reveal, type Secret } from './config/secret.ts'
import { errorInfo, MillraceError } from './errors.ts'
import type { Log } from './log.ts'

/** What is asked of a client of the package pg, a user's or ours. */
export interface PgClient {
  query(sql: string, values?: unknown[]): Promise<{ readonly rows: unknown[]; readonly rowCount: number | null }>
}

/** A client that is lent, as pg's Pool has it. */
interface LentClient extends PgClient {
  release(broken?: Error | boolean): void
  on?(event: 'error', listener: (error: Error) => void): unknown
  off?(event: 'error', listener: (error: Error) => void): unknown
}

/** As pg's Pool has it. */
export interface PgPool {
  connect(): Promise<LentClient>
}

type Text = string | Secret

/** The options of `postgres(name, { … })` with secrets resolved; what the user left out is left out here. */
export interface PostgresOptions {
  /** `postgres://user:password@host:port/database`; what it says counts more than the others. */
  readonly url?: Text
  readonly host?: Text
  readonly port?: number
  readonly database?: Text
  readonly user?: Text
  readonly password?: Text
  readonly tls?: boolean | (Readonly<Record<string, unknown>> & { readonly [Name in 'ca' | 'cert' | 'key']?: Text })
  /** 1 to 1000. */
  readonly maxConnections?: number
}

export interface Answer<Row> {
  readonly rows: readonly Row[]
  /** Rows that were changed, or returned. */
  readonly count: number
}

export interface Queries {
  /** Values stand for `$1`, `$2`, … Rejects with what pg throws: `postgresError` makes it one of ours. */
  query<Row = Record<string, unknown>>(sql: string, values?: readonly unknown[]): Promise<Answer<Row>>
}

export interface Postgres extends Queries {
  /** Runs all of `run` in one transaction: committed when it resolves, rolled back when it rejects. */
  transaction<Value>(run: (transaction: Queries) => Promise<Value>): Promise<Value>
  /** A connection outside the pool, for LISTEN; `ended` is called once when it breaks. */
  connect(ended: () => void): Promise<PostgresSession>
  /** Waits for what is under way. May be called twice. */
  close(): Promise<void>
}

export interface PostgresSession extends Queries {
  /** Called for each NOTIFY of the channels this session listens to. */
  onNotification(notified: (channel: string, payload: string) => void): void
  close(): Promise<void>
}

const DEFAULT_CONNECTIONS = 10
const CONNECT_TIMEOUT_MS = 10_000
/** Nothing asked here takes so long: the connection counts as half-open, and is broken. */
const SILENCE_MS = 30_000
const IDLE_MS = 30_000

/**
 * Opens nothing yet: the first query does. `session` is what each connection of the pool is told first: `SET jit = off`.
 * Throws CONFIG_INVALID where pg is not installed.
 */
export const openPostgres = async (
  name: string,
  options: PostgresOptions,
  { log, session }: { readonly log: Log; readonly session?: string },
): Promise<Postgres> => {
  const pg = await loadPg()
  const config = configOf(name, options)
  const pool: Pool = new pg.Pool({
    ...config,
    ...(session === undefined ? {} : { onConnect: async (client: ClientBase) => void (await client.query(session)) }),
  })
  // An idle connection broke; nobody was waiting for it.
  pool.on('error', error => log.debug(`${name}: an idle connection to PostgreSQL ended`, { error: errorInfo(error) }))
  let closing: Promise<void> | undefined
  return {
    query: async (sql, values) => ask(pool, sql, values),
    transaction: run => inTransaction(pool, client => run({ query: (sql, values) => ask(client, sql, values) })),
    async connect(ended) {
      const client = new pg.Client(config as ClientConfig)
      client.on('error', () => {})
      client.once('end', ended)
      await client.connect()
      return {
        query: (sql, values) => ask(client, sql, values),
        onNotification: notified =>
          void client.on('notification', ({ channel, payload = '' }) => notified(channel, payload)),
        close: () => client.end(),
      }
    },
    close() {
      closing ??= pool.end()
      return closing
    },
  }
}

/** Committed when `run` resolves, rolled back when it rejects. */
export const inTransaction = <Value>(pool: PgPool, run: (client: PgClient) => Promise<Value>): Promise<Value> =>
  withClient(pool, async (client, broke) => {
    try {
      await client.query('BEGIN')
      const value = await run(client)
      await client.query('COMMIT')
      return value
    } catch (thrown) {
      await client.query('ROLLBACK').catch(broke)
      throw thrown
    }
  })

/** With a client of the pool, which nobody else gets once it `broke`. */
export const withClient = async <Value>(
  pool: PgPool,
  use: (client: PgClient, broke: (error: Error) => void) => Promise<Value>,
): Promise<Value> => {
  const client = await pool.connect()
  let broken: Error | undefined
  const broke = (error: Error): void => {
    broken ??= error
  }
  // A pool listens to those it has: of one that is lent, a connection that is lost would end the process.
  client.on?.('error', broke)
  try {
    return await use(client, broke)
  } finally {
    client.off?.('error', broke)
    client.release(broken)
  }
}

const ask = async <Row>(on: PgClient, sql: string, values: readonly unknown[] = []): Promise<Answer<Row>> => {
  const { rows, rowCount } = await on.query(sql, [...values])
  return { rows: rows as Row[], count: rowCount ?? 0 }
}

const loadPg = async (): Promise<typeof import('pg')> => {
  try {
    return await import('pg')
  } catch (error) {
    throw new MillraceError(
      'CONFIG_INVALID',
      `PostgreSQL needs the package pg, which cannot be loaded (${errorInfo(error).message}); npm install pg`,
      { cause: error, fatal: true },
    )
  }
}

/** pg takes what nobody says from PGHOST and the like. */
const configOf = (name: string, options: PostgresOptions): PoolConfig => {
  const { url, port, tls, maxConnections = DEFAULT_CONNECTIONS } = options
  const { host, database, user, password } = options
  const parts = { host, database, user, password }
  const texts = Object.entries(parts).flatMap(([each, text]) => (text === undefined ? [] : [[each, reveal(text)]]))
  return {
    ...(url === undefined ? {} : { connectionString: mustBeUrl(name, reveal(url)) }),
    ...Object.fromEntries(texts),
    ...(port === undefined ? {} : { port }),
    ...(tls === undefined ? {} : { ssl: tlsOf(tls) }),
    application_name: `millrace-${name}`,
    max: maxConnections,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: SILENCE_MS,
    idleTimeoutMillis: IDLE_MS,
    keepAlive: true,
  }
}

/** Throws CONFIG_INVALID without showing what may hold a password. */
const mustBeUrl = (name: string, written: string): string => {
  if (!/^postgres(ql)?:\/\//.test(written) || !URL.canParse(written))
    throw new MillraceError(
      'CONFIG_INVALID',
      `connections.${name}.url must be like 'postgres://user:password@host:5432/database', got something else`,
      { fatal: true },
    )
  return written
}

const tlsOf = (tls: Exclude<PostgresOptions['tls'], undefined>): Exclude<PoolConfig['ssl'], undefined> => {
  if (typeof tls === 'boolean') return tls
  const texts = (['ca', 'cert', 'key'] as const).flatMap(each => {
    const text = tls[each]
    return text === undefined ? [] : [[each, reveal(text)]]
  })
  return { ...tls, ...Object.fromEntries(texts) }
}
