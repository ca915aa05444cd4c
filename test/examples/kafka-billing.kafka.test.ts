import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { sharedBroker } from '../support/brokers/shared.ts'
import { startNode } from '../support/child.ts'
import { temporaryFolder } from '../support/folder.ts'

const kafka = sharedBroker('kafka')

test('the Kafka billing example says what its expected output says, and says it again when it is run again', {
  skip: kafka.missing,
  timeout: 120_000,
}, async context => {
  const KAFKA_BROKERS = (await kafka.address()).url
  const BILLING_STATE = await temporaryFolder(context)
  for (let run = 0; run < 2; run += 1) {
    const env = { ...process.env, KAFKA_BROKERS, BILLING_STATE }
    const example = startNode(context, ['examples/kafka-billing/main.ts'], { env })
    assert.deepEqual(await example.ended, { code: 0, signal: null }, example.output() + example.errors())
    assert.doesNotMatch(example.errors(), /Warning/)
    assert.equal(example.output(), readFileSync('examples/kafka-billing/expected.txt', 'utf8'))
  }
})
