/** The event of S3 for a file that came or went: what a watched folder has in format `lambda`. */
import { jsonOf } from '../bytes.ts'
import { shapeOf } from '../shape.ts'
import { ignoredAnswer } from './answer.ts'
import { ACCOUNT, arnOf, REGION } from './arn.ts'

interface FileEvent {
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

/** The records of a watched folder, whose bodies say what became of a file. */
export const filesShape = shapeOf<FileEvent>({
  holds: 'batch',
  item({ record }, { name }) {
    const parsed = record.body === null ? undefined : jsonOf(record.body)
    const change = parsed && 'value' in parsed ? (parsed.value as Partial<Change> | null) : undefined
    if (typeof change?.path !== 'string') return { problem: 'the body does not say of a file what became of it' }
    const { event, path, size, etag } = change
    return {
      item: {
        bucket: name,
        key: path,
        happened: event === 'removed' ? 'removed' : 'created',
        time: record.time,
        sequencer: sequencerOf(record.position?.change),
        ...(size === undefined ? {} : { sizeBytes: size }),
        ...(etag === undefined ? {} : { eTag: etag }),
      },
    }
  },
  event: items => s3Event(items),
  readAnswer: ignoredAnswer,
})

/** As `connectors/files` writes it. */
interface Change {
  readonly event: string
  readonly path: string
  readonly size?: number
  readonly etag?: string
}

/** Of one length, so that they compare as texts do. */
const sequencerOf = (change: string | number | undefined): string =>
  Number(change ?? 0)
    .toString(16)
    .toUpperCase()
    .padStart(16, '0')

/** The files of one batch, in order. AWS sends them one by one, and functions go through `Records` all the same. */
const s3Event = (files: readonly FileEvent[]): unknown => ({ Records: files.map(recordOf) })

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
