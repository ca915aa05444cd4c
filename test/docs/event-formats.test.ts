/** Every example and table of docs/event-formats.md is what the code makes. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Channel } from '../../core/config/channel.ts'
import { invoke } from '../../core/testing/invoke.ts'
import { batchOf, EXAMPLES, fileRecord, given, record } from '../core/event/examples.ts'
import { compiles, readersProject } from './reader.ts'

const page = readFileSync('docs/event-formats.md', 'utf8')
/** The JSON under each heading that has some. */
const written = new Map(
  page
    .split('\n### ')
    .slice(1)
    .map(part => [part.slice(0, part.indexOf('\n')), part.split('```json\n')[1]?.split('\n```')[0] ?? 'null'] as const),
)

test('each example has its heading, and no heading is without its example', () => {
  assert.deepEqual([...written.keys()], Object.keys(EXAMPLES))
})

for (const [heading, make] of Object.entries(EXAMPLES))
  test(`${heading}: the event is what is written there`, () => {
    const made = make()
    assert.deepEqual(JSON.parse(written.get(heading) ?? 'null'), JSON.parse(JSON.stringify(made)))
    // What a function gets is not encoded on the way: there must be nothing in it that JSON would change.
    assert.deepEqual(JSON.parse(JSON.stringify(made)), made)
  })

const rows = [...page.matchAll(/^\| (`[a-z]+\/.+?) \| (.+?) \|/gm)].flatMap(([, places = '', event = '']) =>
  [...places.matchAll(/`([a-z]+\/[a-z]+)`/g)].map(([, place = '']) => [place, event] as const),
)

/** How an event of each kind is known. */
const KINDS: Readonly<Record<string, RegExp>> = {
  SQS: /"eventSource":"aws:sqs"/,
  S3: /"eventSource":"aws:s3"/,
  Kinesis: /"eventSource":"aws:kinesis"/,
  'self-managed Apache Kafka': /"eventSource":"SelfManagedKafka"/,
  'RabbitMQ of Amazon MQ': /"eventSource":"aws:rmq"/,
  EventBridge: /"detail-type":"orders"/,
  "EventBridge's scheduled event": /"detail-type":"Scheduled Event"/,
}

test('each kind of channel has the event that the table says', () => {
  assert.equal(rows.length, 11)
  for (const [place, event] of rows) {
    const of = place === 'files/folder' ? fileRecord : record()
    assert.match(JSON.stringify(batchOf('lambda', place, [given(of)]).event), KINDS[event] ?? /never/, place)
  }
})

/** The package that has AWS's types, as far as the page uses it. */
const AWS_TYPES = `declare module 'aws-lambda' {
  interface SQSEvent { readonly Records: readonly { readonly messageId: string; readonly body: string }[] }
}`

test('the code compiles, and the function does what it says', { timeout: 180_000 }, async context => {
  const folder = await readersProject(context, page)
  await writeFile(join(folder, 'aws.d.ts'), AWS_TYPES)
  await compiles(context, folder)

  const { orders } = (await import(join(folder, 'channels.ts'))) as { orders: Channel }
  const { handler } = (await import(join(folder, 'functions/charge.ts'))) as { handler: unknown }
  const bodies = ['{"id":"a","total":1}', '{"id":"b","total":-1}', '{"id":"c"}'].map(body => ({
    body: Buffer.from(body),
  }))
  const result = await invoke(handler, orders, bodies, { format: 'lambda' })
  assert.deepEqual(
    [result.accepted, result.failed.map(({ id }) => id), result.refused.map(({ id, verdict }) => [id, verdict])],
    [['1'], ['2'], [['3', 'invalid']]],
  )
})
