import type { TestContext } from 'node:test'
import { memoryConnector } from '../../../connectors/memory/connector.ts'
import { systemClock } from '../../../core/clock.ts'
import type { Context } from '../../../core/contract.ts'
import { silentLog } from '../../../core/log.ts'
import type { SourceHarness } from '../../../core/testing/contract/harness.ts'
import { sourceContract } from '../../../core/testing/contract/source-contract.ts'
import { cannotDefer, noConnection, oneGroup, unordered } from '../../contract/skips.ts'

const context: Context = { clock: systemClock, log: silentLog, random: () => 0.5, stateDir: '/nowhere' }

const memory =
  (type: string) =>
  async (test: TestContext): Promise<SourceHarness> => {
    const connector = memoryConnector('embedded')
    const connection = await connector.connect('local', {}, context)
    const ref = { type, name: 'orders', address: 'local/orders', options: {} }
    const sink = await connection.openSink(ref)
    test.after(() => connection.close())
    const send: SourceHarness['send'] = async records => {
      for (const error of await sink.send(records)) if (error) throw error
    }
    return {
      open: read => connection.openSource(ref, { group: 'test', start: 'earliest', maxInFlight: 1_000, ...read }),
      publish: bodies => send(bodies.map(body => ({ key: 'k', body: Buffer.from(body) }))),
      send,
      backlog: async () => connector.backlog(),
      crash: async () => {
        throw new Error('a broker in memory does not outlive its process')
      },
    }
  }

const crash = {
  reason: 'what is in memory ends with its process',
  promises: ['what was unsettled at a crash comes again, and says that a claim ended without a verdict'],
}
sourceContract('memory queue', memory('queue'), [crash, unordered, oneGroup, noConnection])
sourceContract('memory topic', memory('topic'), [crash, unordered, noConnection])
sourceContract('memory stream', memory('stream'), [crash, cannotDefer, noConnection])
