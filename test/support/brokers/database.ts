import { randomUUID } from 'node:crypto'
import { Client } from 'pg'
import type { BrokerAddress } from './shared.ts'

/** An empty database of the test's own on a PostgreSQL that others use as well; its URL. Gone when the scope ends. */
export const freshDatabase = async (
  scope: { after(end: () => Promise<void>): void },
  { url }: Pick<BrokerAddress, 'url'>,
): Promise<string> => {
  const name = `millrace_${randomUUID().replaceAll('-', '')}`
  await run(url, `CREATE DATABASE ${name}`)
  scope.after(() => run(url, `DROP DATABASE ${name} WITH (FORCE)`))
  const own = new URL(url)
  own.pathname = `/${name}`
  return own.href
}

const run = async (url: string, statement: string): Promise<void> => {
  const client = new Client({ connectionString: url })
  await client.connect()
  await client.query(statement).finally(() => client.end())
}
