import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { kafkaConnector } from '../../../connectors/kafka/connector.ts'
import type { Connection } from '../../../core/contract.ts'
import type { MillraceError } from '../../../core/errors.ts'
import { silentLog } from '../../../core/log.ts'
import { accept, bodies, request, take } from '../../../core/testing/contract/reading.ts'
import { makeTopic } from '../../support/brokers/kafka-client.ts'
import { freePort } from '../../support/brokers/ports.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { until } from '../../support/until.ts'
import { channelOf, contextWith, openTopic } from './opened.ts'

const kafka = sharedBroker('kafka')
const skip = kafka.missing
const READ = { group: 'g', start: 'earliest', maxInFlight: 100 } as const

const connectTo = (brokers: string): Promise<Connection> =>
  kafkaConnector.connect('shop', { brokers }, contextWith(silentLog))

test('a wrong address is said and tried again, not fatal', async () => {
  const connection = await connectTo(`127.0.0.1:${await freePort()}`)
  await assert.rejects(connection.openSource(channelOf('orders'), READ), (error: MillraceError) => {
    assert.equal(error.fatal, false)
    assert.match(error.message, /the broker cannot be reached; check brokers/)
    return true
  })
  const [check] = await connection.check()
  assert.equal(check?.ok, false)
  const sink = await connection.openSink(channelOf('orders'))
  assert.equal((await sink.send([{ body: null }]))[0]?.code, 'SEND_FAILED')
  await connection.close()
})

test('a topic that does not exist is not made, and is read once it is there', { skip }, async context => {
  const opened = await openTopic(context, (await kafka.address()).url)
  const connection = await opened.connect()
  const name = `later-${randomUUID()}`
  await assert.rejects(connection.openSource(channelOf(name), READ), (error: MillraceError) => {
    assert.equal(error.fatal, false)
    assert.match(error.message, /the topic does not exist; create it/)
    return true
  })
  assert.ok(!(await opened.admin.listTopics()).includes(name))
  await makeTopic(opened.admin, { topic: name })
  await (await connection.openSource(channelOf(name), READ)).close()
})

for (const how of ['clean', 'SIGKILL'] as const)
  test(`a ${how} restart of the broker loses nothing, and reading goes on by itself`, {
    skip: kafka.missingOwn,
  }, async context => {
    const broker = await kafka.own()
    const opened = await openTopic(context, broker.url)
    const source = await opened.open()
    await opened.publish([{ value: 'before' }, { value: 'held' }])
    const [first, held] = await take({} as never, source, 2)
    assert.ok(first && held)
    assert.deepEqual(await source.settle(accept([first])), [])
    await broker.restart(how)
    await until('the broker takes records again', () =>
      opened.publish([{ value: 'after' }]).then(
        () => true,
        () => undefined,
      ),
    )
    const seen = new Set<string>()
    await until('everything is settled', async () => {
      const taken = await source.poll(request({ waitMs: 1_000 })).catch(() => [])
      for (const body of bodies(taken)) seen.add(body)
      await source.settle(accept([...taken, held]))
      return (await opened.committed().catch(() => -1)) === 3
    })
    assert.ok(seen.has('after') && !seen.has('before'), [...seen].join())
    await source.close()
  })

test('a position that retention has removed resumes at the earliest record, and says so', { skip }, async context => {
  const opened = await openTopic(context, (await kafka.address()).url)
  await opened.publish(['0', '1', '2', '3', '4'].map(value => ({ value })))
  await opened.admin.setOffsets({
    groupId: 'contract',
    topic: opened.topic,
    partitions: [{ partition: 0, offset: '1' }],
  })
  await opened.admin.deleteTopicRecords({ topic: opened.topic, partitions: [{ partition: 0, offset: '3' }] })
  const source = await opened.open({ start: 'latest' })
  const taken = await take({} as never, source, 2)
  assert.deepEqual(bodies(taken), ['3', '4'])
  assert.deepEqual(await source.settle(accept(taken)), [])
  assert.equal(await opened.committed(), 5)
  await source.close()
})
