import { sourceCases, sourceContract } from '../../../core/testing/contract/source-contract.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { openHarness } from './opened.ts'

const kafka = sharedBroker('kafka')

const cannotDefer = {
  reason:
    'Kafka keeps the order of a partition, so a record of it cannot be deferred; long delays come with retry topics',
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

sourceContract(
  'kafka topic',
  async test => openHarness(test, (await kafka.address()).url),
  kafka.missing ? [noBroker] : [cannotDefer, noCounts, bytesOnly],
)
