/**
 * Records that are CloudEvents already, as the bindings of Kafka and AMQP have them.
 *
 *   binary      attributes are headers: ce_id in Kafka, cloudEvents_id or cloudEvents:id in AMQP, ce-id in HTTP; the body
 *               is the data
 *   structured  the content type is application/cloudevents+json, the body is the whole event
 */
import type { EventRecord, HeaderValue } from '../../contract.ts'
import { lastHeader } from '../../values.ts'
import { headerText, jsonOf, percentDecoded } from '../bytes.ts'
import { type CloudEvent, dataOf, eventProblem } from './event.ts'

export type Received = { readonly event: CloudEvent; readonly problem?: undefined } | { readonly problem: string }

/** Undefined for a record that is none. */
export const receivedEvent = (record: EventRecord): Received | undefined => {
  const contentType = contentTypeOf(record)
  if (contentType !== undefined && /^\s*application\/cloudevents/i.test(contentType))
    return structured(record, contentType)
  const attributes = attributesOf(record)
  return 'specversion' in attributes ? binary(record, attributes, contentType) : undefined
}

export const contentTypeOf = (record: EventRecord): string | undefined => {
  const value = record.properties?.contentType ?? lastHeader(record, 'content-type')
  const text = value === undefined ? undefined : headerText(value)
  return text === '' ? undefined : text
}

const PREFIX = /^(?:ce[_-]|cloudevents[_:])([a-z0-9]+)$/i

const attributesOf = ({ headers }: EventRecord): Readonly<Record<string, unknown>> => {
  const attributes: Record<string, unknown> = {}
  for (const [name, value] of headers) {
    const attribute = PREFIX.exec(name)?.[1]?.toLowerCase()
    // HTTP's binding encodes what a header cannot hold.
    const read = attributeValue(/^ce-/i.test(name) && typeof value === 'string' ? percentDecoded(value) : value)
    if (attribute !== undefined && attribute !== 'data' && read !== undefined) attributes[attribute] = read
  }
  return attributes
}

/** Attributes are booleans, integers and texts in JSON. */
const attributeValue = (value: HeaderValue): string | number | boolean | undefined =>
  typeof value === 'boolean' || (typeof value === 'number' && Number.isInteger(value)) ? value : headerText(value)

const binary = (
  { body }: EventRecord,
  attributes: Readonly<Record<string, unknown>>,
  contentType: string | undefined,
): Received => {
  const problem = eventProblem(attributes)
  if (problem !== undefined) return { problem: `its headers say it is a CloudEvent, but ${problem}` }
  const data = dataOf(body, contentType ?? 'application/json')
  if (data.problem !== undefined) return data
  const type = contentType === undefined || body === null ? {} : { datacontenttype: contentType }
  return { event: { ...attributes, ...type, ...data.members } as CloudEvent }
}

const structured = ({ body }: EventRecord, contentType: string): Received => {
  if (!/^\s*application\/cloudevents\+json\s*(?:;|$)/i.test(contentType))
    return {
      problem: `its content type is ${contentType}; of CloudEvents in their own form, application/cloudevents+json is read`,
    }
  const event = body === null ? undefined : objectOf(body)
  if (event === undefined)
    return { problem: `the body is not a JSON object, which its content type ${contentType} says` }
  const problem = eventProblem(event)
  return problem === undefined
    ? { event: event as CloudEvent }
    : { problem: `its content type says it is a CloudEvent, but ${problem}` }
}

const objectOf = (body: Uint8Array): Readonly<Record<string, unknown>> | undefined => {
  const parsed = jsonOf(body)
  const value = 'value' in parsed ? parsed.value : undefined
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
}
