/** The event of S3 for a file that came or went: what a watched folder has in format `lambda`. */
import { ACCOUNT, arnOf, REGION } from './arn.ts'

export interface FileEvent {
  /** The folder that is watched, as the bucket. */
  readonly bucket: string
  /** The path below it, parts with `/` between. */
  readonly key: string
  readonly happened: 'created' | 'removed'
  /** Milliseconds since the epoch. */
  readonly time: number
  /** Tells what happened to one file apart, and rises. */
  readonly sequencer: string
  /** Of a file that is there. */
  readonly sizeBytes?: number
  /** A hash of its content. */
  readonly eTag?: string
}

/** The files of one batch, in order. AWS sends them one by one, and functions go through `Records` all the same. */
export const s3Event = (files: readonly FileEvent[]): unknown => ({ Records: files.map(recordOf) })

const recordOf = ({ bucket, key, happened, time, sequencer, sizeBytes, eTag }: FileEvent): unknown => ({
  eventVersion: '2.1',
  eventSource: 'aws:s3',
  awsRegion: REGION,
  eventTime: new Date(time).toISOString(),
  eventName: happened === 'created' ? 'ObjectCreated:Put' : 'ObjectRemoved:Delete',
  userIdentity: { principalId: ACCOUNT },
  requestParameters: { sourceIPAddress: '127.0.0.1' },
  responseElements: { 'x-amz-request-id': sequencer, 'x-amz-id-2': sequencer },
  s3: {
    s3SchemaVersion: '1.0',
    configurationId: 'millrace',
    bucket: { name: bucket, ownerIdentity: { principalId: ACCOUNT }, arn: arnOf('s3', bucket) },
    object: {
      key: formEncoded(key),
      ...(sizeBytes === undefined ? {} : { size: sizeBytes }),
      ...(eTag === undefined ? {} : { eTag }),
      sequencer,
    },
  },
})

/** As in forms, slashes left as they are: functions undo it with `decodeURIComponent(key.replaceAll('+', ' '))`. */
const formEncoded = (key: string): string =>
  key
    .split('/')
    .map(part => encodeURIComponent(part).replaceAll('%20', '+'))
    .join('/')
