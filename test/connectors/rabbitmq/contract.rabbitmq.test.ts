import type { TestContext } from 'node:test'
import type { SourceHarness } from '../../../core/testing/contract/harness.ts'
import { sourceCases, sourceContract } from '../../../core/testing/contract/source-contract.ts'
import { oneGroup, unordered } from '../../contract/skips.ts'
import { queueCounts } from '../../support/brokers/rabbit-counts.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { crashWith, openQueue } from './opened.ts'

const rabbitmq = sharedBroker('rabbitmq')
const counts = queueCounts()

const harnessFor =
  (type: 'quorum' | 'classic') =>
  async (context: TestContext): Promise<SourceHarness> => {
    const broker = await rabbitmq.own()
    const opened = await openQueue(context, broker.url, { type })
    return {
      open: opened.open,
      publish: opened.publish,
      async send(records) {
        const sink = await (await opened.connect()).openSink(opened.channel)
        const failed = (await sink.send(records)).find(outcome => outcome !== null)
        if (failed) throw failed
      },
      backlog: () => counts.records(broker, opened.queue),
      crash: claims => crashWith(opened, broker.url, claims),
      cut: async () => opened.proxy.reset(),
      restart: () => broker.restart('clean'),
    }
  }

const countsEveryReturn = {
  reason:
    'before RabbitMQ 4.3 a record that is given back in order counts as delivered once more, as after a crash; closing.rabbitmq.test.ts tests all else of this promise',
  promises: ['close gives unsettled records back, and may be called twice'],
}
const onlyAFlag = {
  reason:
    'a classic queue does not count deliveries, it only tells that there was one; faults.rabbitmq.test.ts tests that what a killed reader had claimed comes again',
  promises: ['what was unsettled at a crash comes again, and says that a claim ended without a verdict'],
}
const tablesOfAmqp = {
  reason:
    'a table of AMQP has each name once, no integers beyond 64 bits and no milliseconds; bytes.rabbitmq.test.ts tests bodies, keys and headers of any bytes',
  promises: ['a body, key or header of any bytes arrives unchanged'],
}
const noBroker = { reason: rabbitmq.missingOwn || '', promises: sourceCases.map(({ promise }) => promise) }

sourceContract(
  'rabbitmq quorum queue',
  harnessFor('quorum'),
  rabbitmq.missingOwn ? [noBroker] : [unordered, oneGroup, tablesOfAmqp, countsEveryReturn],
)
sourceContract(
  'rabbitmq classic queue',
  harnessFor('classic'),
  rabbitmq.missingOwn ? [noBroker] : [unordered, oneGroup, tablesOfAmqp, onlyAFlag],
)
