import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runReplayChaos } from '../chaos/replay/run.ts'
import { sharedBroker } from '../support/brokers/shared.ts'

const kafka = sharedBroker('kafka')

test('a replay to Kafka survives kills of its host and a restart of the broker: none is lost, few come twice', {
  skip: kafka.missingOwn,
}, async () => {
  const broker = await kafka.own()
  const report = await runReplayChaos({ kind: 'kafka', broker, letters: 1_500, kills: 1, restart: true, say: () => {} })
  assert.ok(report.ok, JSON.stringify(report))
})
