/** `millrace/postgres`: a PostgreSQL database, as a value. */
export { type PostgresConnection, type PostgresTls, postgres } from './channel.ts'
