/** A record on its way through a retry topic and back; pure. All that is ours travels in one header. */
import type { EventRecord, OutgoingRecord } from '../../core/contract.ts'

export const DEFERRED_HEADER = 'millrace-deferred'

/** What comes back with a record that was deferred. */
export interface Deferred {
  readonly attempts: number
  /** Milliseconds since the epoch. */
  readonly firstSeen: number
  readonly dueAt: number
}

interface Travelling extends Deferred {
  readonly v: 1
  readonly id: string
  readonly time: number
  readonly position: EventRecord['position']
}

/** The record as it is sent to a retry topic: its time there is the time of sending, since retention counts from that. */
export const deferredRecord = (record: EventRecord, deferred: Deferred): OutgoingRecord => {
  const { id, time, position, key, headers, body } = record
  const travelling: Travelling = { v: 1, id, time, position, ...deferred }
  return {
    key,
    body,
    headers: [...headers, [DEFERRED_HEADER, JSON.stringify(travelling)]],
    ...(position === undefined ? {} : { position }),
  }
}

/** The record as it was before it was deferred; undefined for one that somebody else put into a retry topic. */
export const restoredRecord = (
  stored: EventRecord,
): { readonly record: EventRecord; readonly deferred: Deferred } | undefined => {
  const at = stored.headers.findLastIndex(([name]) => name === DEFERRED_HEADER)
  const travelling = parse(stored.headers[at]?.[1])
  if (!travelling) return undefined
  const { id, time, position, attempts, firstSeen, dueAt } = travelling
  const headers = stored.headers.toSpliced(at, 1)
  const record = { ...stored, id, time, headers, ...(position === undefined ? {} : { position }) }
  return { record, deferred: { attempts, firstSeen, dueAt } }
}

const parse = (value: unknown): Travelling | undefined => {
  if (!(value instanceof Uint8Array)) return undefined
  try {
    const found = JSON.parse(Buffer.from(value).toString()) as Travelling
    const numbers = [found.time, found.attempts, found.firstSeen, found.dueAt]
    return found.v === 1 && typeof found.id === 'string' && numbers.every(Number.isFinite) ? found : undefined
  } catch {
    // Not written by us: the record is taken as it is.
    return undefined
  }
}
