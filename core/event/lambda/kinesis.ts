/** The event AWS Lambda has for a Kinesis stream: what embedded and Redis streams have in format `lambda`. */
import type { EventRecord } from '../../contract.ts'
import { base64Of, keyAsText } from '../bytes.ts'
import { shapeOf } from '../shape.ts'
import { awsAnswer } from './answer.ts'
import { ACCOUNT, arnOf, REGION } from './arn.ts'

export const kinesisShape = shapeOf<Readonly<Record<string, unknown>>>({
  holds: 'batch',
  item({ record }, { name: stream }, index) {
    const { shard, number } = placeOf(record, index)
    const shardId = `shardId-${String(shard).padStart(12, '0')}`
    const sequenceNumber = `${shard}${number}`
    return {
      item: {
        kinesis: {
          kinesisSchemaVersion: '1.0',
          partitionKey: keyAsText(record.key) ?? record.id,
          sequenceNumber,
          data: base64Of(record.body),
          approximateArrivalTimestamp: record.time / 1_000,
        },
        eventSource: 'aws:kinesis',
        eventVersion: '1.0',
        eventID: `${shardId}:${sequenceNumber}`,
        eventName: 'aws:kinesis:record',
        invokeIdentityArn: `arn:millrace:iam::${ACCOUNT}:role/millrace`,
        awsRegion: REGION,
        eventSourceARN: arnOf('kinesis', `stream/${stream}`),
      },
      name: sequenceNumber,
      sequence: shardId,
    }
  },
  event: items => ({ Records: items }),
  // In a shard later records have higher numbers, on which `from-lowest` rests; batches have retried ones anywhere.
  order: 'named',
  readAnswer: awsAnswer({
    readName: identifier => (typeof identifier === 'string' && identifier !== '' ? identifier : undefined),
    expected: 'the sequenceNumber of a record of the event',
    failed: 'from-lowest',
  }),
})

const DIGITS = 20

/**
 * A sequence number is digits that rise within a shard and tell records of all shards apart: the shard, then the offset, or
 * both halves of the id of a Redis stream's entry, with as many digits as the largest has.
 */
const placeOf = (
  { position = {} }: EventRecord,
  index: number,
): { readonly shard: number; readonly number: string } => {
  const { partition = 0, offset, id } = position
  const parts = typeof id === 'string' && /^\d+-\d+$/.test(id) ? id.split('-') : [String(offset ?? index)]
  return { shard: Number(partition), number: parts.map(part => part.padStart(DIGITS, '0')).join('') }
}
