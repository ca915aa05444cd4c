/** Every example and table of docs/event-formats.md is what the code makes. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { batchOf, EXAMPLES, given, record } from '../core/event/examples.ts'

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
  Kinesis: /"eventSource":"aws:kinesis"/,
  'self-managed Apache Kafka': /"eventSource":"SelfManagedKafka"/,
  'RabbitMQ of Amazon MQ': /"eventSource":"aws:rmq"/,
  EventBridge: /"detail-type":"orders"/,
  "EventBridge's scheduled event": /"detail-type":"Scheduled Event"/,
}

test('each kind of channel has the event that the table says', () => {
  assert.equal(rows.length, 9)
  for (const [place, event] of rows)
    assert.match(JSON.stringify(batchOf('lambda', place, [given(record())]).event), KINDS[event] ?? /never/, place)
})
