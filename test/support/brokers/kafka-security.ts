/** What a Kafka broker of a test asks of its clients. */

export type Mechanism = 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512' | 'OAUTHBEARER'

export interface KafkaSecurity {
  /** Names and passwords of those who may connect; with OAUTHBEARER any unsigned token that has not expired does. */
  readonly users?: Readonly<Record<string, string>>
  /** Default: PLAIN where there are users, else none. */
  readonly mechanism?: Mechanism
  /** Files in PEM: the broker's key and certificate in one, and who signs clients that are asked for a certificate. */
  readonly tls?: { readonly keyAndCertificate: string; readonly clientCa?: string }
  /** Nothing is allowed that no ACL allows, but to these users. */
  readonly superUsers?: readonly string[]
}

/** The settings of its clients' listener, and of itself as a client of others where it asks nothing of anybody. */
export const securitySettings = ({ users, mechanism, tls, superUsers }: KafkaSecurity) => {
  const sasl = mechanism ?? (users ? 'PLAIN' : undefined)
  const protocol = `${sasl ? 'SASL_' : ''}${tls ? 'SSL' : 'PLAINTEXT'}`
  return {
    'listener.security.protocol.map': `CLIENTS:${protocol},BROKERS:PLAINTEXT,CONTROLLER:PLAINTEXT`,
    ...(sasl ? { 'sasl.enabled.mechanisms': sasl, ...loginSettings(sasl, users ?? {}) } : {}),
    ...(tls ? tlsSettings(tls) : {}),
    ...(superUsers
      ? {
          'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
          'super.users': ['ANONYMOUS', ...superUsers].map(name => `User:${name}`).join(';'),
        }
      : {}),
  }
}

const LOGIN: Readonly<Record<Mechanism, string>> = {
  PLAIN: 'plain.PlainLoginModule',
  'SCRAM-SHA-256': 'scram.ScramLoginModule',
  'SCRAM-SHA-512': 'scram.ScramLoginModule',
  OAUTHBEARER: 'oauthbearer.OAuthBearerLoginModule',
}

const loginSettings = (mechanism: Mechanism, users: Readonly<Record<string, string>>) => {
  const words = mechanism === 'PLAIN' ? Object.entries(users).map(([name, word]) => `user_${name}="${word}"`) : []
  const claim = mechanism === 'OAUTHBEARER' ? ['unsecuredLoginStringClaim_sub="broker"'] : []
  const login = [`org.apache.kafka.common.security.${LOGIN[mechanism]} required`, ...words, ...claim].join(' ')
  return { [`listener.name.clients.${mechanism.toLowerCase()}.sasl.jaas.config`]: `${login};` }
}

const tlsSettings = ({ keyAndCertificate, clientCa }: NonNullable<KafkaSecurity['tls']>) => ({
  'ssl.keystore.type': 'PEM',
  'ssl.keystore.location': keyAndCertificate,
  ...(clientCa
    ? { 'ssl.truststore.type': 'PEM', 'ssl.truststore.location': clientCa, 'ssl.client.auth': 'required' }
    : {}),
})

/** Users of SCRAM are part of the storage from its first moment. */
export const scramArguments = ({ users, mechanism }: KafkaSecurity): readonly string[] =>
  mechanism?.startsWith('SCRAM')
    ? Object.entries(users ?? {}).flatMap(([name, word]) => [
        '--add-scram',
        `${mechanism}=[name=${name},password=${word}]`,
      ])
    : []
