/**
 * One form of event: how the records of a batch become it, and what a function may answer.
 *
 *   records ── item ──▶ items ──▶ event ──▶ function ──▶ answer ── readAnswer ──▶ an answer of ours
 *                │
 *             refused
 */
import type { ErrorInfo } from '../contract.ts'
import type { CodecName, ForeignEvents, InvokedRecord, RefusedRecord } from '../engine/contract.ts'

/** Where records come from, and how their channel writes bodies. */
export interface Origin extends ForeignEvents {
  readonly codec: CodecName
}

/** A record that is part of an event. */
export interface Member {
  /** The record's own id. */
  readonly id: string
  /** How the function calls it; undefined where the form has no name for it. */
  readonly name: string | undefined
  /** The sequence it stands in, where the form has several. */
  readonly sequence: string
}

export interface Shaped {
  readonly event: unknown
  readonly members: readonly Member[]
  readonly refused: readonly RefusedRecord[]
}

/** `value` is an answer of ours, as a function of format `millrace` would have given it. */
export type ForeignAnswer =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly problem: string }

export interface Shape {
  readonly shape: (records: readonly InvokedRecord[], from: Origin) => Shaped
  readonly readAnswer: (value: unknown, members: readonly Member[]) => ForeignAnswer
  /** `one`: the event is one record, so a batch may have no more. */
  readonly holds: 'batch' | 'one'
}

/** A record in its form, or why it cannot have it. */
export type Made<Item> =
  | {
      readonly item: Item
      readonly name?: string | undefined
      readonly sequence?: string
      readonly problem?: undefined
    }
  | { readonly problem: string }

export interface ShapeParts<Item> {
  /** `index`: the place of the record in the batch. */
  readonly item: (invoked: InvokedRecord, from: Origin, index: number) => Made<Item>
  /** Called with one item or more. */
  readonly event: (items: readonly Item[], from: Origin) => unknown
  readonly readAnswer: Shape['readAnswer']
  readonly holds: Shape['holds']
  /** `named`: each sequence by the names in it, so that what comes later has a higher one. `given`: as the batch has them. */
  readonly order?: 'given' | 'named'
}

/** A shape of its parts. Where every record is refused, there is no event. */
export const shapeOf = <Item>(parts: ShapeParts<Item>): Shape => ({
  readAnswer: parts.readAnswer,
  holds: parts.holds,
  shape(records, from) {
    const parted: { readonly item: Item; readonly member: Member }[] = []
    const refused: RefusedRecord[] = []
    for (const [index, invoked] of records.entries()) {
      const made = parts.item(invoked, from, index)
      const { id, source } = invoked.record
      if (made.problem !== undefined)
        refused.push({ id, verdict: 'undecodable', error: undecodable(source, made.problem) })
      else {
        const member = { id, name: made.name, sequence: made.sequence ?? '' }
        parted.push({ item: made.item, member })
      }
    }
    if (parts.order === 'named') parted.sort((one, other) => compare(one.member, other.member))
    const items = parted.map(({ item }) => item)
    return {
      event: items.length === 0 ? undefined : parts.event(items, from),
      members: parted.map(({ member }) => member),
      refused,
    }
  },
})

const compare = (one: Member, other: Member): number =>
  compareTexts(one.sequence, other.sequence) || compareTexts(one.name ?? '', other.name ?? '')

const compareTexts = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0)

const undecodable = (address: string, problem: string): ErrorInfo => ({
  name: 'RecordUndecodable',
  code: 'RECORD_UNDECODABLE',
  message: `${address}: ${problem}`,
})
