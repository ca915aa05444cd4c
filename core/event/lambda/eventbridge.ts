/** The events of EventBridge: what an embedded topic, a Redis subscription and a schedule have in format `lambda`. */
import type { EventRecord } from '../../contract.ts'
import { lastHeader } from '../../values.ts'
import { headerText, isoTime, jsonOf } from '../bytes.ts'
import { shapeOf } from '../shape.ts'
import { ignoredAnswer } from './answer.ts'
import { ACCOUNT, arnOf, REGION } from './arn.ts'

interface EventBridgeEvent {
  readonly version: '0'
  readonly id: string
  readonly 'detail-type': string
  readonly source: string
  readonly account: string
  /** ISO 8601, whole seconds, UTC. */
  readonly time: string
  readonly region: string
  readonly resources: readonly string[]
  readonly detail: Readonly<Record<string, unknown>>
}

/** One record is one event; headers named `detail-type`, `source` and `resources` say what EventBridge's producers say. */
export const eventBridgeShape = shapeOf<EventBridgeEvent>({
  holds: 'one',
  item({ record }, { name, place }) {
    const detail = detailOf(record)
    if (detail === undefined)
      return {
        problem:
          "the body is not a JSON object, which an event of EventBridge has as its detail; format 'millrace' takes any body",
      }
    const text = (header: string): string | undefined => {
      const value = lastHeader(record, header)
      return value === undefined ? undefined : headerText(value)
    }
    const resources = text('resources')
    return {
      item: envelope(record, {
        'detail-type': text('detail-type') ?? name,
        source: text('source') ?? `millrace.${place.split('/', 1)[0]}`,
        resources: resources === undefined ? [] : resources.split(','),
        detail,
      }),
    }
  },
  event: ([item]) => item,
  readAnswer: ignoredAnswer,
})

/** The ticks of a schedule, as a rule of EventBridge sends them; their time is when they were due. */
export const scheduleShape = shapeOf<EventBridgeEvent>({
  holds: 'one',
  item: ({ record }, { name }) => ({
    item: envelope(record, {
      'detail-type': 'Scheduled Event',
      source: 'aws.events',
      resources: [arnOf('events', `rule/${name}`)],
      detail: {},
    }),
  }),
  event: ([item]) => item,
  readAnswer: ignoredAnswer,
})

/** For a record whose time is none: the field is not optional. */
const EPOCH = '1970-01-01T00:00:00Z'

const envelope = (
  { id, time }: Pick<EventRecord, 'id' | 'time'>,
  said: Pick<EventBridgeEvent, 'detail-type' | 'source' | 'resources' | 'detail'>,
): EventBridgeEvent => ({
  version: '0',
  id,
  'detail-type': said['detail-type'],
  source: said.source,
  account: ACCOUNT,
  time: (isoTime(time) ?? EPOCH).replace(/\.\d+Z$/, 'Z'),
  region: REGION,
  resources: said.resources,
  detail: said.detail,
})

const detailOf = ({ body }: EventRecord): Readonly<Record<string, unknown>> | undefined => {
  const parsed = body === null ? undefined : jsonOf(body)
  const value = parsed && 'value' in parsed ? parsed.value : undefined
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
}
