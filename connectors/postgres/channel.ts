/** A PostgreSQL database. */
import type { ConnectionValue } from '../../core/config/channel.ts'
import { isText, option, text, type Written, whole } from '../../core/config/option.ts'
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
  channels: {},
}

/** A connection to one PostgreSQL database. */
export interface PostgresConnection extends ConnectionValue<'postgres'> {}

/** PostgreSQL under a name; the package pg has to be installed. No client is loaded and nothing is opened before the app starts. */
export const postgres = (
  name: string,
  options: Written<typeof postgresOptions.connection> = {},
): PostgresConnection => ({ kind: 'postgres', name, options: { ...options }, declares: postgresOptions })
