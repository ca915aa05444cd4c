import { sourceCases, sourceContract } from '../../../core/testing/contract/source-contract.ts'
import { startKafka } from '../../support/brokers/kafka.ts'
import { freePort } from '../../support/brokers/ports.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { type FaultProxy, openProxy } from '../../support/proxy.ts'
import { openHarness } from './opened.ts'

let proxy: FaultProxy | undefined

/** All connections go through the proxy, which is what the broker tells its clients to connect to. */
const kafka = sharedBroker('kafka', async scope => {
  const port = await freePort()
  proxy = await openProxy(scope, { to: port })
  return startKafka(scope, { port, advertisedPort: proxy.port })
})

const cannotDefer = {
  reason:
    'Kafka defers by retry topics, if the user asks for them; retry-topics.kafka.test.ts keeps this promise with them',
  promises: ['deferred records come again later, with their attempts'],
}
const noCounts = {
  reason:
    'Kafka does not count deliveries; members.kafka.test.ts tests that what a killed member had claimed comes again',
  promises: ['what was unsettled at a crash comes again, and says that a claim ended without a verdict'],
}
const bytesOnly = {
  reason:
    'Kafka knows neither ids of the sender nor header values that are not bytes, and no 10 MB unless it is told to; bytes.kafka.test.ts tests any bytes',
  promises: ['a body, key or header of any bytes arrives unchanged'],
}

const noBroker = { reason: kafka.missing || '', promises: sourceCases.map(({ promise }) => promise) }
const notOurs = {
  reason: kafka.missingOwn || '',
  promises: sourceCases.filter(({ needs }) => needs !== undefined).map(({ promise }) => promise),
}
const skips = [cannotDefer, noCounts, bytesOnly]

sourceContract(
  'kafka topic',
  async test => {
    const harness = await openHarness(test, (await kafka.address()).url)
    if (kafka.missingOwn) return harness
    return { ...harness, cut: async () => proxy?.reset(), restart: async () => (await kafka.own()).restart('clean') }
  },
  kafka.missing ? [noBroker] : kafka.missingOwn ? [...skips, notOurs] : skips,
)
