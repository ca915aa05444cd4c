import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runReplayChaos } from '../chaos/replay/run.ts'
import { sharedBroker } from '../support/brokers/shared.ts'

const rabbitmq = sharedBroker('rabbitmq')

test('a replay to RabbitMQ survives kills of its host and a restart of the broker: none is lost, few come twice', {
  skip: rabbitmq.missingOwn,
}, async () => {
  const broker = await rabbitmq.own()
  const report = await runReplayChaos({
    kind: 'rabbitmq',
    broker,
    letters: 1_500,
    kills: 1,
    restart: true,
    say: () => {},
  })
  assert.ok(report.ok, JSON.stringify(report))
})
