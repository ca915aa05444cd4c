import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import kafkajs from 'kafkajs'
import type { KafkaOptions } from '../../../connectors/kafka/client.ts'
import { kafkaConnector } from '../../../connectors/kafka/connector.ts'
import { systemClock } from '../../../core/clock.ts'
import type { MillraceError } from '../../../core/errors.ts'
import { silentLog } from '../../../core/log.ts'
import { accept, bodies, request } from '../../../core/testing/contract/reading.ts'
import { startKafka } from '../../support/brokers/kafka.ts'
import { makeTopic, plainKafka } from '../../support/brokers/kafka-client.ts'
import type { KafkaOptions as BrokerOptions } from '../../support/brokers/kafka-program.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { makeCertificates } from '../../support/certificates.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { until } from '../../support/until.ts'
import { channelOf, contextWith } from './opened.ts'

/** Only boss may do what no ACL allows. */
const plain = sharedBroker('kafka', scope =>
  startKafka(scope, { users: { shop: 'secret', boss: 'secret' }, superUsers: ['boss'] }),
)
const skip = plain.missingOwn
const READ = { group: 'billing', start: 'earliest', maxInFlight: 100 } as const

const start = (context: TestContext, options: BrokerOptions) =>
  startKafka({ after: end => context.after(end) }, options)

const connect = async (context: TestContext, options: KafkaOptions) => {
  const connection = await kafkaConnector.connect('shop', options, contextWith(silentLog))
  context.after(() => connection.close())
  return connection
}

/** What opening a source fails with. */
const refusal = async (context: TestContext, options: KafkaOptions): Promise<MillraceError> => {
  const connection = await connect(context, options)
  return connection.openSource(channelOf('orders'), READ).then(
    () => assert.fail('it was opened'),
    (error: MillraceError) => error,
  )
}

/** Sends and reads one record of the topic orders, which the broker makes when it is asked for. */
const roundTrip = async (context: TestContext, options: KafkaOptions): Promise<void> => {
  const connection = await connect(context, options)
  const sink = await connection.openSink(channelOf('orders'))
  await until('it is sent', async () => (await sink.send([{ body: Buffer.from('hello') }]))[0] === null)
  const source = await connection.openSource(channelOf('orders'), READ)
  const taken = await source.poll(request({ waitMs: 20_000 }))
  assert.equal(bodies(taken)[0], 'hello')
  assert.deepEqual(await source.settle(accept(taken)), [])
}

const makeOrders = async (broker: string, settings: Partial<kafkajs.KafkaConfig>): Promise<void> => {
  const admin = plainKafka(broker, settings).admin()
  await admin.connect()
  await makeTopic(admin, { topic: 'orders' })
  await admin.disconnect()
}

for (const [mechanism, name] of [
  ['SCRAM-SHA-256', 'scram-sha-256'],
  ['SCRAM-SHA-512', 'scram-sha-512'],
] as const)
  test(`${mechanism}: the right password reads and sends, a wrong one is fatal`, { skip }, async context => {
    const { url: brokers } = await start(context, { users: { shop: 'secret' }, mechanism })
    const sasl = { mechanism: name, username: 'shop', password: 'secret' } as const
    await makeOrders(brokers, { sasl: sasl as kafkajs.SASLOptions })
    await roundTrip(context, { brokers, sasl })
    for (const wrong of [
      { ...sasl, password: 'wrong' },
      { ...sasl, mechanism: 'plain' },
    ]) {
      const error = await refusal(context, { brokers, sasl: wrong })
      assert.deepEqual([error.code, error.fatal], ['SOURCE_FATAL', true])
      assert.match(error.message, /check sasl\.mechanism, sasl\.username and sasl\.password/)
    }
  })

/** As the broker's validator for tests takes them. */
const unsignedToken = (seconds: number): string => {
  const now = Math.floor(systemClock.now() / 1_000)
  const part = (claims: object): string => Buffer.from(JSON.stringify(claims)).toString('base64url')
  return `${part({ alg: 'none' })}.${part({ sub: 'shop', iat: now - 3_600, exp: now + seconds })}.`
}

test('OAUTHBEARER: a token is asked for, one that has expired is tried again until there is a fresh one', {
  skip,
}, async context => {
  const { url: brokers } = await start(context, { mechanism: 'OAUTHBEARER' })
  let token = unsignedToken(-60)
  const sasl = { mechanism: 'oauthbearer', token: async () => token } as const
  const expired = await refusal(context, { brokers, sasl })
  assert.deepEqual([expired.code, expired.fatal], ['SOURCE_FAILED', false])
  assert.match(expired.message, /does not accept this token; check that it has not expired/)
  token = unsignedToken(600)
  await makeOrders(brokers, {
    sasl: { mechanism: 'oauthbearer', oauthBearerProvider: async () => ({ value: token }) },
  })
  await roundTrip(context, { brokers, sasl })
  const tokenFile = join(await temporaryFolder(context), 'token')
  const missing = await refusal(context, { brokers, sasl: { mechanism: 'oauthbearer', tokenFile } })
  assert.deepEqual([missing.code, missing.fatal], ['SOURCE_FAILED', false])
  assert.match(missing.message, /there is no token to connect with: .*ENOENT/)
  await writeFile(tokenFile, `${token}\n`)
  const [check] = await (await connect(context, { brokers, sasl: { mechanism: 'oauthbearer', tokenFile } })).check()
  assert.equal(check?.ok, true, check?.detail)
})

test('TLS: a trusted broker is read from; a stranger, another host and a client without certificate are told apart', {
  skip,
}, async context => {
  const folder = await temporaryFolder(context)
  const ours = await makeCertificates(folder)
  const strangers = await makeCertificates(await temporaryFolder(context))
  const keyAndCertificate = join(folder, 'both.pem')
  await writeFile(keyAndCertificate, ours.server.key + ours.server.cert)
  const { url: brokers } = await start(context, { tls: { keyAndCertificate, clientCa: ours.caFile } })
  const { cert, key } = ours.client
  const ssl = { ca: ours.ca, cert, key }
  await makeOrders(brokers, { ssl })
  await roundTrip(context, { brokers, ssl })
  const wrongs: readonly (readonly [ssl: NonNullable<KafkaOptions['ssl']>, message: RegExp])[] = [
    [{ cert, key }, /nobody trusted has signed the broker's certificate; .* ssl\.ca/],
    [{ ...ssl, ca: strangers.ca }, /nobody trusted has signed the broker's certificate; .* ssl\.ca/],
    [{ ca: ours.ca }, /does not accept this client by its certificate; check ssl\.cert and ssl\.key/],
    [
      { ...ssl, cert: strangers.client.cert, key: strangers.client.key },
      /does not accept this client by its certificate/,
    ],
    [{ ...ssl, servername: 'elsewhere' }, /certificate is for another host; .*ssl\.servername/],
  ]
  for (const [wrong, message] of wrongs) {
    const error = await refusal(context, { brokers, ssl: wrong })
    assert.match(error.message, message)
    assert.deepEqual([error.code, error.fatal], ['SOURCE_FATAL', true])
  }
})

const as = (username: string) => ({ mechanism: 'plain', username, password: 'secret' }) as const

test('PLAIN: a wrong password is fatal and says what to check, the right one is taken', { skip }, async context => {
  const { url: brokers } = await plain.own()
  const error = await refusal(context, { brokers, sasl: { ...as('boss'), password: 'wrong' } })
  assert.deepEqual([error.code, error.fatal], ['SOURCE_FATAL', true])
  assert.match(error.message, /check sasl\.mechanism, sasl\.username and sasl\.password/)
  const [check] = await (await connect(context, { brokers, sasl: as('boss') })).check()
  assert.equal(check?.ok, true, check?.detail)
})

test('ACLs: what a user may not do is fatal, and names the right that is missing', { skip }, async context => {
  const { url: brokers } = await plain.own()
  await makeOrders(brokers, { sasl: as('boss') })
  const admin = plainKafka(brokers, { sasl: as('boss') }).admin()
  await admin.connect()
  context.after(() => admin.disconnect())
  const allow = (resourceType: number, resourceName: string, operation: number) =>
    admin.createAcls({
      acl: [
        {
          resourceType,
          resourceName,
          resourcePatternType: kafkajs.ResourcePatternTypes.LITERAL,
          principal: 'User:shop',
          host: '*',
          operation,
          permissionType: kafkajs.AclPermissionTypes.ALLOW,
        },
      ],
    })
  const { AclResourceTypes: resources, AclOperationTypes: operations } = kafkajs
  const options = { brokers, sasl: as('shop') }
  const refused = async (right: RegExp): Promise<void> => {
    const error = await until('the refusal is about this right', () =>
      refusal(context, options).then(found => (right.test(found.message) ? found : undefined)),
    )
    assert.deepEqual([error.code, error.fatal], ['SOURCE_FATAL', true])
  }
  await refused(/allow it READ on the topic by an ACL/)
  await allow(resources.TOPIC, 'orders', operations.DESCRIBE)
  await refused(/allow it READ on the group by an ACL/)
  const sink = await (await connect(context, options)).openSink(channelOf('orders'))
  const [outcome] = await sink.send([{ body: null }])
  assert.equal(outcome?.fatal, true)
  assert.match(outcome?.message ?? '', /allow it WRITE on the topic by an ACL/)
  await allow(resources.GROUP, 'billing', operations.READ)
  // Where the group begins is committed before anything is read, and that needs it.
  await refused(/allow it READ on the topic by an ACL/)
  const { groups } = await admin.describeGroups(['billing'])
  assert.equal(groups[0]?.state, 'Empty', 'nobody has to wait for its session to end')
  await allow(resources.TOPIC, 'orders', operations.READ)
  await allow(resources.TOPIC, 'orders', operations.WRITE)
  await roundTrip(context, options)
})
