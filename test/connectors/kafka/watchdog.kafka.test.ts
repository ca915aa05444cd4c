/** Connections that are open and dead: the other side has vanished without a word, in both directions or in one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { logTo } from '../../../core/log.ts'
import { accept, bodies, request, take } from '../../../core/testing/contract/reading.ts'
import { startKafkaBehindProxy } from '../../support/brokers/kafka-behind-proxy.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import type { FaultProxy } from '../../support/proxy.ts'
import { until } from '../../support/until.ts'
import { channelOf, GROUP, openTopic } from './opened.ts'

const LONG = { timeoutMs: 120_000 }

let proxy: FaultProxy | undefined
let direct = ''

/** The reader under test goes through the proxy; the independent client has a listener of its own. */
const kafka = sharedBroker('kafka', async scope => {
  const started = await startKafkaBehindProxy(scope)
  proxy = started.proxy
  direct = started.direct
  return started.broker
})

const faults: readonly (readonly [
  what: string,
  begin: (proxy: FaultProxy) => Promise<void>,
  end: () => Promise<void>,
])[] = [
  ['a connection that is dead both ways', async at => at.halfOpen('toServer', 'toClient'), async () => proxy?.heal()],
  ['a connection on which only answers get lost', async at => at.halfOpen('toClient'), async () => proxy?.heal()],
  [
    'a broker that is stopped without a word',
    async () => (await kafka.own()).pause(),
    async () => (await kafka.own()).continue(),
  ],
]

for (const [what, begin, end] of faults)
  test(`${what} is noticed, and reading goes on over another`, { skip: kafka.missingOwn }, async context => {
    const { url } = await kafka.own()
    assert.ok(proxy)
    const said: string[] = []
    const opened = await openTopic(context, direct)
    const log = logTo((_level, message) => said.push(message))
    const connection = await opened.connect({ brokers: url }, log)
    const source = await connection.openSource(channelOf(opened.topic), {
      group: GROUP,
      start: 'earliest',
      maxInFlight: 100,
    })
    await opened.publish([{ value: 'settled' }, { value: 'held' }])
    const [first, held] = await take({} as never, source, 2)
    assert.ok(first && held)
    assert.deepEqual(await source.settle(accept([first])), [])
    await begin(proxy)
    await until('the silence is noticed', () => said.some(line => /has gone silent and is made anew/.test(line)), LONG)
    assert.ok(held.lost.aborted, 'what was claimed is lost')
    await end()
    const again: string[] = []
    await until(
      'what was held comes again',
      async () => {
        const found = await source.poll(request({ waitMs: 1_000 })).catch(() => [])
        again.push(...bodies(found))
        await source.settle(accept(found))
        return again.length > 0
      },
      LONG,
    )
    assert.deepEqual(again, ['held'])
    await until('it is committed', async () => (await opened.committed()) === 2)
    await source.close()
  })
