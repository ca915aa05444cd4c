/** `millrace/postgres`: a PostgreSQL database with outbox tables, as a value. */
export { type PostgresConnection, type PostgresTls, postgres } from './channel.ts'
export { type PgQueries, postgresIdempotency } from './idempotency.ts'
export { type OutboxInsert, outboxInsert } from './insert.ts'
