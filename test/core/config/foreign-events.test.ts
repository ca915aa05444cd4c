import assert from 'node:assert/strict'
import { test } from 'node:test'
import { embedded } from '../../../connectors/embedded/channel.ts'
import { kafka } from '../../../connectors/kafka/index.ts'
import { rabbitmq } from '../../../connectors/rabbitmq/index.ts'
import type { Channel } from '../../../core/config/channel.ts'
import { foreignEventsOf } from '../../../core/config/foreign-events.ts'
import { env } from '../../../core/config/secret.ts'

const of = (channel: Channel, variables: Readonly<Record<string, string>> = {}) =>
  foreignEventsOf({ channel, format: 'lambda' }, { env: variables })

test('format millrace tells functions nothing of the place', () => {
  assert.equal(foreignEventsOf({ channel: embedded().queue('orders'), format: 'millrace' }, {}), undefined)
})

test('a place is the connector’s kind and the channel’s type', () => {
  assert.deepEqual(of(embedded().stream('clicks')), { format: 'lambda', place: 'embedded/stream', name: 'clicks' })
})

test('Kafka’s brokers are told wherever they come from, and left out where they are nowhere', () => {
  const brokers = (written: Parameters<typeof kafka>[1]['brokers'], variables = {}) =>
    of(kafka('shop', { brokers: written }).topic('orders'), variables)?.servers
  assert.equal(brokers('a:1,b:2'), 'a:1,b:2')
  assert.equal(brokers(['a:1', env('SECOND')], { SECOND: 'b:2' }), 'a:1,b:2')
  assert.equal(brokers(env('NOWHERE')), undefined)
})

test('RabbitMQ’s virtual host is the option’s, else the one in the url; a password is in none', () => {
  const host = (options: Parameters<typeof rabbitmq>[1]) => of(rabbitmq('shop', options).queue('orders'))
  assert.equal(host({ url: 'amqp://me:secret@localhost/my%2Fshop' })?.virtualHost, 'my/shop')
  assert.equal(host({ url: ['amqp://localhost', 'amqp://other/x'] })?.virtualHost, undefined)
  assert.equal(host({ url: 'amqp://localhost/x', vhost: 'y' })?.virtualHost, 'y')
  assert.equal(host({ url: 'amqp://localhost/%' })?.virtualHost, '%')
  assert.doesNotMatch(JSON.stringify(host({ url: 'amqp://me:secret@localhost/x' })), /secret/)
})
