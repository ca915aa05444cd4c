import { sourceCases, sourceContract } from '../../../core/testing/contract/source-contract.ts'
import { oneGroup, unordered } from '../../contract/skips.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { openTestOutbox } from './opened.ts'

const server = sharedBroker('postgres')

const noServer = { reason: server.missing || '', promises: sourceCases.map(({ promise }) => promise) }

sourceContract(
  'postgres outbox',
  async test => {
    const broker = await server.own()
    return { ...(await openTestOutbox(test, broker)), restart: () => broker.restart('SIGKILL') }
  },
  server.missing ? [noServer] : [unordered, oneGroup],
)

sourceContract(
  'postgres outbox without order that keeps what is settled',
  async test => {
    const broker = await server.own()
    const opened = await openTestOutbox(test, broker, { order: 'none', keepSettled: 3_600_000 })
    return { ...opened, restart: () => broker.restart('clean') }
  },
  server.missing ? [noServer] : [unordered, oneGroup],
)
