/** Who a client is, and whom it trusts, as kafkajs wants to be told. */
import { readFile } from 'node:fs/promises'
import type {
  KafkaConfig,
  Mechanism,
  SASLOptions,
  SaslAuthenticationRequest,
  SaslAuthenticationResponse,
} from 'kafkajs'
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

export const saslOf = (connection: string, sasl: Sasl): SASLOptions | Mechanism => {
  if ('username' in sasl)
    return {
      mechanism: sasl.mechanism,
      username: reveal(sasl.username),
      password: reveal(sasl.password),
    } as SASLOptions
  // kafkajs asks at every connection, and before a session that the broker limits is over.
  const byToken: Mechanism = {
    mechanism: 'oauthbearer',
    authenticationProvider: ({ saslAuthenticate }) => ({
      async authenticate() {
        const request = tokenRequest(await tokenOf(connection, sasl))
        await saslAuthenticate({ request, response: tokenResponse(connection) })
      },
    }),
  }
  return byToken
}

const tokenRequest = (token: string): SaslAuthenticationRequest => ({
  encode: () => withLength(Buffer.from(`n,,\x01auth=Bearer ${token}\x01\x01`)),
})

/**
 * A broker that does not accept a token answers with a reason, and refuses what comes next. kafkajs's own authenticator
 * does not look at the answer, and fails later with something else.
 */
const tokenResponse = (connection: string): SaslAuthenticationResponse<void> => ({
  decode: bytes => bytes.subarray(LENGTH_BYTES),
  parse(reason) {
    if (reason.length === 0) return
    throw new MillraceError(
      'SOURCE_FAILED',
      `connections.${connection}.sasl: the broker does not accept this token; check that it has not expired and is for this broker (${reason})`,
    )
  },
})

const LENGTH_BYTES = 4

const withLength = (bytes: Buffer): Buffer => {
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
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
