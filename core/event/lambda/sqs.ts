/** The event AWS Lambda has for a queue of SQS: what an embedded queue and a Redis list have in format `lambda`. */
import { createHash } from 'node:crypto'
import type { EventRecord, HeaderValue } from '../../contract.ts'
import type { CodecName, InvokedRecord } from '../../engine/contract.ts'
import { base64Of, bytesOf, headerText, keyAsText, utf8Of } from '../bytes.ts'
import { shapeOf } from '../shape.ts'
import { awsAnswer } from './answer.ts'
import { arnOf, REGION } from './arn.ts'

interface Attribute {
  readonly stringValue?: string
  /** base64. */
  readonly binaryValue?: string
  readonly stringListValues: readonly string[]
  readonly binaryListValues: readonly string[]
  readonly dataType: 'String' | 'Number' | 'Binary'
}

type Attributes = Readonly<Record<string, Attribute>>

/** Messages of SQS are text: where the channel has bytes, or a codec of its own, they are base64, as people write them there. */
export const sqsShape = shapeOf<Readonly<Record<string, unknown>>>({
  holds: 'batch',
  item(invoked, from) {
    const { record, idempotencyKey, fence } = invoked
    const body = bodyOf(record, from.codec)
    if (body === undefined)
      return {
        problem: "the body is not UTF-8 text, as a message of SQS is; a channel with codec 'bytes' has it as base64",
      }
    const messageAttributes = attributesOf(record)
    return {
      item: {
        messageId: record.id,
        receiptHandle: `${idempotencyKey}#${fence}`,
        body,
        attributes: systemAttributes(invoked),
        messageAttributes,
        md5OfBody: md5(body),
        ...(Object.keys(messageAttributes).length === 0
          ? {}
          : { md5OfMessageAttributes: md5(encodedAttributes(messageAttributes)) }),
        eventSource: 'aws:sqs',
        eventSourceARN: arnOf('sqs', from.name),
        awsRegion: REGION,
      },
      name: record.id,
    }
  },
  event: items => ({ Records: items }),
  readAnswer: awsAnswer({
    readName: identifier => (typeof identifier === 'string' && identifier !== '' ? identifier : undefined),
    expected: 'the messageId of a record of the event',
    failed: 'named',
  }),
})

const systemAttributes = ({ record, attempt, firstSeen }: InvokedRecord): Readonly<Record<string, string>> => {
  const group = keyAsText(record.key)
  return {
    ApproximateReceiveCount: String(attempt),
    SentTimestamp: String(Math.round(record.time)),
    SenderId: 'millrace',
    ApproximateFirstReceiveTimestamp: String(Math.round(firstSeen ?? record.time)),
    ...(group === undefined ? {} : { MessageGroupId: group }),
  }
}

const bodyOf = ({ body }: EventRecord, codec: CodecName): string | undefined => {
  if (body === null) return ''
  return codec === 'json' || codec === 'text' ? utf8Of(body) : base64Of(body)
}

/** Of a name that stands more than once the last counts. */
const attributesOf = ({ headers }: EventRecord): Attributes =>
  Object.fromEntries(headers.map(([name, value]) => [name, attributeOf(value)]))

const attributeOf = (value: HeaderValue): Attribute => {
  const lists = { stringListValues: [], binaryListValues: [] }
  if (value instanceof Uint8Array) return { binaryValue: base64Of(value), ...lists, dataType: 'Binary' }
  const dataType = typeof value === 'number' || typeof value === 'bigint' ? 'Number' : 'String'
  return { stringValue: headerText(value) ?? '', ...lists, dataType }
}

const md5 = (content: string | Uint8Array): string => createHash('md5').update(content).digest('hex')

const TRANSPORT = { string: 1, binary: 2 } as const

/** As SQS defines what it hashes: by name, each part after its length, a byte for the kind of value. */
const encodedAttributes = (attributes: Attributes): Uint8Array =>
  Buffer.concat(
    Object.entries(attributes)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .flatMap(([name, { dataType, stringValue, binaryValue }]) => [
        ...withLength(Buffer.from(name)),
        ...withLength(Buffer.from(dataType)),
        Buffer.of(binaryValue === undefined ? TRANSPORT.string : TRANSPORT.binary),
        ...withLength(binaryValue === undefined ? bytesOf(stringValue ?? '') : Buffer.from(binaryValue, 'base64')),
      ]),
  )

const withLength = (bytes: Buffer): readonly Buffer[] => {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.byteLength)
  return [length, bytes]
}
