import assert from 'node:assert/strict'
import { registerHooks } from 'node:module'
import { test } from 'node:test'
import kafkajs from 'kafkajs'
import { MAX_BATCH_BYTES } from '../../../connectors/kafka/compression.ts'
import type { Source } from '../../../core/contract.ts'
import type { MillraceError } from '../../../core/errors.ts'
import { request } from '../../../core/testing/contract/reading.ts'
import { javaMissing, javaProduce } from '../../support/brokers/kafka-java.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { until } from '../../support/until.ts'
import { channelOf, openTopic } from './opened.ts'

// As on a machine where nobody installed it.
registerHooks({
  resolve(specifier, context, next) {
    if (specifier !== 'snappyjs') return next(specifier, context)
    throw Object.assign(new Error('Cannot find module'), { code: 'MODULE_NOT_FOUND' })
  },
})

const kafka = sharedBroker('kafka')
const skip = kafka.missing

const failureOf = (source: Source): Promise<MillraceError> =>
  until('a poll fails', () =>
    source.poll(request({ waitMs: 1_000 })).then(
      () => undefined,
      (error: MillraceError) => error,
    ),
  )

test('a batch whose codec is not installed stops the mapping and says what to install', {
  skip: javaMissing(),
}, async context => {
  const opened = await openTopic(context, (await kafka.address()).url)
  const source = await opened.open()
  await javaProduce(opened.brokers, opened.topic, [{ key: 'k', value: 'v'.repeat(1_000) }], 'snappy')
  const failure = await failureOf(source)
  assert.deepEqual([failure.code, failure.fatal], ['SOURCE_FATAL', true])
  assert.match(failure.message, /the codec for snappy is not installed; npm install snappyjs/)
  await source.close()
})

test('sending in a compression whose codec is not installed is a problem of the configuration', {
  skip,
}, async context => {
  const opened = await openTopic(context, (await kafka.address()).url)
  const connection = await opened.connect()
  const channel = { ...channelOf(opened.topic), options: { compression: 'snappy' } }
  await assert.rejects(connection.openSink(channel), (error: MillraceError) => {
    assert.deepEqual([error.code, error.fatal], ['CONFIG_INVALID', true])
    assert.match(
      error.message,
      /compression is 'snappy', but the codec for snappy is not installed; npm install snappyjs/,
    )
    return true
  })
})

test('a batch that would fill the memory stops its mapping, and the others read on', { skip }, async context => {
  const opened = await openTopic(context, (await kafka.address()).url)
  const other = await openTopic(context, opened.brokers)
  const [source, otherSource] = [await opened.open(), await other.open({ group: 'others' })]
  const bomb = { value: Buffer.alloc(MAX_BATCH_BYTES) }
  await opened.producer.send({ topic: opened.topic, compression: kafkajs.CompressionTypes.GZIP, messages: [bomb] })
  const failure = await failureOf(source)
  assert.deepEqual([failure.code, failure.fatal], ['SOURCE_FATAL', true])
  assert.match(failure.message, /cannot be unpacked by gzip .*; set the group's offset behind it, then start again/)
  await other.publish([{ value: 'lives' }])
  assert.equal((await otherSource.poll(request({ waitMs: 10_000 }))).length, 1)
  await Promise.all([source.close(), otherSource.close()])
})
