import { sourceCases, sourceContract } from '../../../core/testing/contract/source-contract.ts'
import { oneGroup, unordered } from '../../contract/skips.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { openTestList } from './list-opened.ts'

const redis = sharedBroker('redis')

const bodiesOnly = {
  reason: 'an element of format body is the body and nothing else; the list of records keeps this promise',
  promises: ['a body, key or header of any bytes arrives unchanged'],
}
const noBroker = { reason: redis.missing || '', promises: sourceCases.map(({ promise }) => promise) }
const unorderedLists = [unordered, oneGroup]

sourceContract(
  'redis list',
  async test => {
    const broker = await redis.own()
    return { ...(await openTestList(test, broker.url)), restart: () => broker.restart('SIGKILL') }
  },
  redis.missing ? [noBroker] : [...unorderedLists, bodiesOnly],
)

sourceContract(
  'redis list of records',
  async test => {
    const broker = await redis.own()
    return { ...(await openTestList(test, broker.url, { format: 'record' })), restart: () => broker.restart('clean') }
  },
  redis.missing ? [noBroker] : unorderedLists,
)
