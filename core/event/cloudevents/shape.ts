/** Records as CloudEvents 1.0: a function gets the list of them that is CloudEvents' batch in JSON. */
import type { InvokedRecord } from '../../engine/contract.ts'
import { lastHeader } from '../../values.ts'
import { headerText, isoTime, keyAsText } from '../bytes.ts'
import { type Made, type Origin, shapeOf } from '../shape.ts'
import { cloudEventsAnswer } from './answer.ts'
import { type CloudEvent, dataOf } from './event.ts'
import { contentTypeOf, receivedEvent } from './received.ts'

export const cloudEventsShape = shapeOf<CloudEvent>({
  holds: 'batch',
  item(invoked, from) {
    const made = receivedEvent(invoked.record) ?? eventOf(invoked, from)
    if (made.problem !== undefined) return made
    const event = { ...extensionsOf(invoked), ...made.event }
    return { item: event, name: event.id }
  },
  event: items => items,
  readAnswer: cloudEventsAnswer,
})

type Event = { readonly event: CloudEvent; readonly problem?: undefined } | Extract<Made<never>, { problem: string }>

const CONTENT_TYPES = { json: 'application/json', text: 'text/plain', bytes: undefined, custom: undefined } as const

/** Source and id name the record for ever and are the same on every delivery: consumers may tell duplicates by them. */
const eventOf = ({ record }: InvokedRecord, from: Origin): Event => {
  const contentType = contentTypeOf(record) ?? CONTENT_TYPES[from.codec] ?? 'application/octet-stream'
  const data = dataOf(record.body, contentType)
  if (data.problem !== undefined) return data
  const [connector] = from.place.split('/', 1)
  const type = record.properties?.type
  const time = isoTime(record.time)
  return {
    event: {
      specversion: '1.0',
      id: record.id,
      source: `${connector}://${record.source.split('/').map(encodeURIComponent).join('/')}`,
      type: typeof type === 'string' && type !== '' ? type : `millrace.${from.place.replace('/', '.')}`,
      ...(time === undefined ? {} : { time }),
      ...(record.body === null ? {} : { datacontenttype: contentType }),
      ...data.members,
    },
  }
}

/** What an event that brings attributes of these names itself keeps. */
const extensionsOf = ({ record, attempt, idempotencyKey }: InvokedRecord): Readonly<Record<string, unknown>> => {
  const key = keyAsText(record.key)
  return {
    ...(key === undefined ? {} : { partitionkey: key }),
    ...headerAttribute(record.headers, 'traceparent'),
    ...headerAttribute(record.headers, 'tracestate'),
    recordid: record.id,
    attempt,
    idempotencykey: idempotencyKey,
  }
}

const headerAttribute = (
  headers: InvokedRecord['record']['headers'],
  name: string,
): Readonly<Record<string, string>> => {
  const value = lastHeader({ headers }, name)
  const text = value === undefined ? undefined : headerText(value)
  return text === undefined || text === '' ? {} : { [name]: text }
}
