/** A PostgreSQL database, and its outbox tables. */
import type { ConnectionValue, DeclareChannel } from '../../core/config/channel.ts'
import { channelValue, type WrittenChannel } from '../../core/config/channel-value.ts'
import { choice, duration, flag, isText, option, text, type Written, whole } from '../../core/config/option.ts'
import type { SecretRef } from '../../core/config/secret.ts'

type Text = string | SecretRef

/** Certificates as Node's TLS takes them, PEM. */
export interface PostgresTls {
  readonly ca?: Text
  readonly cert?: Text
  readonly key?: Text
  readonly rejectUnauthorized?: boolean
  readonly servername?: string
}

const TLS_TEXTS = ['ca', 'cert', 'key']

const isTls = (value: unknown): value is PostgresTls =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.entries(value).every(([name, inner]) => !TLS_TEXTS.includes(name) || isText(inner))

/** The options of PostgreSQL: of a connection, and of its channels by type. */
export const postgresOptions = {
  connection: {
    url: text({
      doc: 'Where it is: `postgres://user:password@host:port/database`. What it says counts more than the others.',
      otherwise: 'none',
    }),
    host: text({ doc: 'The server, instead of `url`.', otherwise: '`PGHOST`, else `localhost`' }),
    port: whole({ min: 1, max: 65_535, doc: 'Its port.', otherwise: '`PGPORT`, else 5432' }),
    database: text({ doc: 'The database.', otherwise: '`PGDATABASE`, else the user’s name' }),
    user: text({ doc: 'The role.', otherwise: '`PGUSER`, else the system’s user' }),
    password: text({ doc: 'Its password.', otherwise: '`PGPASSWORD`, else `~/.pgpass`' }),
    tls: option<boolean | PostgresTls, boolean | PostgresTls | undefined>({
      doc: 'Speak TLS, with the certificates given.',
      takes: '`true`, `false`, an object for Node’s TLS',
      expected: 'true, false or an object like { ca, cert, key }',
      default: undefined,
      defaultText: 'what `sslmode` in `url` says, else no',
      read: value => (typeof value === 'boolean' || isTls(value) ? value : undefined),
    }),
    maxConnections: whole({
      min: 2,
      max: 1_000,
      default: 10,
      doc: 'At most so many connections at once; one more for each process that is to be woken by NOTIFY.',
    }),
  },
  channels: {
    outbox: {
      order: choice({
        of: ['key', 'none'],
        default: 'key',
        doc: 'With `key` no row is handed out while an earlier one of its key is not settled, in any process; rows without a key wait for nobody.',
      }),
      createTable: flag({
        default: false,
        doc: 'Make the table where it is not there. Else `millrace outbox <name>` prints the statements.',
      }),
      claimTimeout: duration({
        min: '1s',
        max: '1h',
        default: '60s',
        doc: 'A process that is silent for so long is taken for dead, and what it had claimed goes to the others.',
      }),
      keepSettled: duration({
        min: '1s',
        max: '365d',
        doc: 'Keep settled rows for so long, marked by `settled_at`.',
        otherwise: 'they are deleted at once',
      }),
      lookEvery: duration({
        min: '50ms',
        max: '1m',
        default: '1s',
        doc: 'How often it is looked for rows that nobody told of.',
      }),
      notify: flag({
        default: true,
        doc: 'Be told of new rows at once, by LISTEN; it takes a connection that is no pooler’s.',
      }),
    },
  },
}

/** A connection to one PostgreSQL database. */
export interface PostgresConnection extends ConnectionValue<'postgres'> {
  /**
   * A table, `outbox` or `shop.outbox`, into which events are written in the transaction that they are about. Each row
   * goes to one of the receivers, at least once.
   */
  readonly outbox: DeclareChannel<Written<typeof postgresOptions.channels.outbox>, 'shared'>
}

/** PostgreSQL under a name; the package pg has to be installed. No client is loaded and nothing is opened before the app starts. */
export const postgres = (
  name: string,
  options: Written<typeof postgresOptions.connection> = {},
): PostgresConnection => {
  const connection: ConnectionValue<'postgres'> = {
    kind: 'postgres',
    name,
    options: { ...options },
    declares: postgresOptions,
  }
  return {
    ...connection,
    outbox: ((table: string, written: WrittenChannel = {}) =>
      channelValue(connection, table, written, {
        type: 'outbox',
        ordered: written.order === 'none' ? false : 'key',
        positioned: false,
      })) as PostgresConnection['outbox'],
  }
}
