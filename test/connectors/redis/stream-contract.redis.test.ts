import { sourceCases, sourceContract } from '../../../core/testing/contract/source-contract.ts'
import { unordered } from '../../contract/skips.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { openTestStream } from './stream-opened.ts'

const redis = sharedBroker('redis')

const noBroker = { reason: redis.missing || '', promises: sourceCases.map(({ promise }) => promise) }

sourceContract(
  'redis stream',
  async test => {
    const broker = await redis.own()
    return { ...(await openTestStream(test, broker.url)), restart: () => broker.restart('SIGKILL') }
  },
  redis.missing ? [noBroker] : [unordered],
)

sourceContract(
  'redis exclusive stream',
  async test => {
    const broker = await redis.own()
    return { ...(await openTestStream(test, broker.url, { exclusive: true })), restart: () => broker.restart('clean') }
  },
  redis.missing ? [noBroker] : [],
)
