/** A file of its own: kafkajs is mended for a whole process, and only here no other client of it is used before. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kafkaConnector } from '../../../connectors/kafka/connector.ts'
import { silentLog } from '../../../core/log.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { until } from '../../support/until.ts'
import { contextWith } from './opened.ts'

const kafka = sharedBroker('kafka')

test('nobody sees warnings of kafkajs, everybody those of others', { skip: kafka.missing }, async () => {
  const seen: string[] = []
  process.on('warning', warning => seen.push(warning.name))
  const { url: brokers } = await kafka.address()
  const connection = await kafkaConnector.connect('shop', { brokers }, contextWith(silentLog))
  assert.equal((await connection.check())[0]?.ok, true)
  await connection.close()
  process.emitWarning('something else', 'OtherWarning')
  await until('the warning is seen', () => seen.includes('OtherWarning'))
  assert.deepEqual(seen, ['OtherWarning'])
})
