/** Deliveries and entries as the flow has them, for tests of its parts. */
import { NOWHERE } from '../../../core/bag.ts'
import type { Delivery } from '../../../core/contract.ts'
import { bytesOf, type Entry, type Scope } from '../../../core/flow/entry.ts'

export const deliveryOf = (
  id: string,
  changes: Partial<Delivery> & { key?: string; bytes?: number } = {},
): Delivery => {
  const { key = null, bytes = 0, ...rest } = changes
  return {
    record: {
      id,
      idStrength: 'stable',
      source: 'test/records',
      time: 0,
      key,
      headers: [],
      body: new Uint8Array(bytes),
    },
    lane: '0',
    attempts: 0,
    firstSeen: 0,
    lost: new AbortController().signal,
    ...rest,
  }
}

export const entryOf = (scope: Scope, id: string, changes: Partial<Entry> & { bodyBytes?: number } = {}): Entry => {
  const { bodyBytes = 0, ...rest } = changes
  const delivery = deliveryOf(id, { lane: scope.lane, bytes: bodyBytes })
  return {
    delivery,
    scope,
    bytes: bytesOf(delivery),
    arrivedAt: 0,
    charged: 0,
    history: [],
    tries: 0,
    freeSince: undefined,
    probes: 0,
    place: NOWHERE,
    suspect: false,
    precharged: 'no',
    parkedBefore: false,
    part: undefined,
    unreadable: undefined,
    filtered: 'no',
    state: 'waiting',
    verdict: undefined,
    held: 'no',
    ...rest,
  }
}

export const idsOf = (entries: Iterable<Entry>): string =>
  [...entries].map(({ delivery }) => delivery.record.id).join(' ')
