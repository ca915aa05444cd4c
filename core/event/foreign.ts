/**
 * A batch in a form that is not Millrace's own. Pure, and the same wherever a function runs: inside its environment, or in
 * the host where the environment speaks the Runtime API or HTTP.
 *
 *   records ── guard: the channel's schema ──▶ shape ──▶ event ──▶ function ──▶ answer ── readAnswer ──▶ one of ours
 *                  │ invalid                     │ has no such form
 *                  └─────────── refused ─────────┘
 */
import type { AnyChannel } from '../config/channel.ts'
import type { CodecName, EventFormat, ForeignEvents, InvokedRecord, RefusedRecord } from '../engine/contract.ts'
import { cloudEventsShape } from './cloudevents/shape.ts'
import type { Decode, Decoded } from './decode.ts'
import { directShape } from './direct.ts'
import { HTTP_PLACE, httpShape } from './http/shapes.ts'
import { lambdaShape } from './lambda/shapes.ts'
import type { ForeignAnswer, Shape } from './shape.ts'
import type { ReadText } from './text.ts'

export interface ForeignBatch {
  /** Undefined when every record was refused: then the function is not called. */
  readonly event: unknown
  readonly refused: readonly RefusedRecord[]
  /** What the function answered, as JSON would carry it, becomes an answer of ours, or fails the whole batch. */
  readonly readAnswer: (value: unknown) => ForeignAnswer
}

/** An invocation as far as its event needs it. */
export interface ForeignRequest {
  readonly events: ForeignEvents
  readonly codec: CodecName
  readonly records: readonly InvokedRecord[]
}

/** `guard` decodes and checks each body, and only its verdicts count: an event carries bodies as they came. */
export const foreignBatch = (
  request: ForeignRequest,
  guard: Decode | undefined,
  readText: ReadText,
): ForeignBatch | Promise<ForeignBatch> => {
  if (!guard) return batchOf(request, [])
  const verdicts = request.records.map(({ record }) => guard(record.body, readText))
  return verdicts.some(verdict => verdict instanceof Promise)
    ? Promise.all(verdicts).then(settled => batchOf(request, settled))
    : batchOf(request, verdicts as Decoded[])
}

/** `one`: an event of this format from such a channel is one record, and so is a batch. */
export const eventHolds = (format: EventFormat, channel: Pick<AnyChannel, 'connection' | 'type'>): Shape['holds'] =>
  format === 'millrace' ? 'batch' : shapeFor({ format, place: placeOf(channel) }).holds

/** The kind of the connector and the type of the channel: `kafka/topic`. */
export const placeOf = ({ connection, type }: Pick<AnyChannel, 'connection' | 'type'>): string =>
  `${connection.kind}/${type}`

const shapeFor = ({ format, place }: Pick<ForeignEvents, 'format' | 'place'>): Shape => {
  if (place === HTTP_PLACE) return httpShape(format)
  if (format === 'direct') return directShape
  return format === 'lambda' ? lambdaShape(place) : cloudEventsShape
}

const batchOf = ({ events, codec, records }: ForeignRequest, verdicts: readonly Decoded[]): ForeignBatch => {
  const invalid = records.flatMap(({ record }, index): RefusedRecord[] => {
    const decoded = verdicts[index]
    return decoded?.verdict ? [{ id: record.id, verdict: decoded.verdict, error: decoded.error }] : []
  })
  const valid = invalid.length === 0 ? records : records.filter((_, index) => !verdicts[index]?.verdict)
  const { shape, readAnswer } = shapeFor(events)
  const { event, members, refused } = shape(valid, { ...events, codec })
  return { event, refused: [...invalid, ...refused], readAnswer: value => readAnswer(value, members) }
}
