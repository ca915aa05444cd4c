/** Who a client is, and whom it trusts, as kafkajs wants to be told. */
import { readFile } from 'node:fs/promises'
import type { KafkaConfig, SASLOptions } from 'kafkajs'
import { reveal, type Secret } from '../../core/config/secret.ts'
import { errorInfo, MillraceError } from '../../core/errors.ts'

type Text = string | Secret

/** What a user wrote as `sasl`, secrets resolved. */
export type Sasl =
  | { readonly mechanism: string; readonly username: Text; readonly password: Text }
  | {
      readonly mechanism: 'oauthbearer'
      readonly token?: Text | (() => Promise<string>)
      readonly tokenFile?: string
    }

/** What a user wrote as `ssl`, secrets resolved. */
export type Tls = Readonly<Record<string, unknown>> & { readonly [Name in 'ca' | 'cert' | 'key']?: Text }

export const tlsOf = (ssl: boolean | Tls): NonNullable<KafkaConfig['ssl']> => {
  if (typeof ssl === 'boolean') return ssl
  const texts = (['ca', 'cert', 'key'] as const).flatMap(name => {
    const text = ssl[name]
    return text === undefined ? [] : [[name, reveal(text)]]
  })
  return { ...ssl, ...Object.fromEntries(texts) }
}

export const saslOf = (connection: string, sasl: Sasl): SASLOptions => {
  if ('username' in sasl)
    return {
      mechanism: sasl.mechanism,
      username: reveal(sasl.username),
      password: reveal(sasl.password),
    } as SASLOptions
  // kafkajs asks at every connection, and before a session that the broker limits is over.
  return { mechanism: 'oauthbearer', oauthBearerProvider: async () => ({ value: await tokenOf(connection, sasl) }) }
}

const tokenOf = async (
  connection: string,
  { token, tokenFile }: Extract<Sasl, { readonly mechanism: 'oauthbearer' }>,
): Promise<string> => {
  try {
    const text = await (tokenFile !== undefined
      ? readFile(tokenFile, 'utf8')
      : typeof token === 'function'
        ? token()
        : reveal(token ?? ''))
    if (typeof text !== 'string' || text.trim() === '') throw new Error('it is empty')
    return text.trim()
  } catch (error) {
    throw new MillraceError(
      'SOURCE_FAILED',
      `connections.${connection}.sasl: there is no token to connect with: ${errorInfo(error).message}`,
      { cause: error },
    )
  }
}
