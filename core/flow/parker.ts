/**
 * Parks records that cannot succeed: first the destinations, then the store, then the source is told (DESIGN 1.9).
 *
 * In this order a crash in between repeats a send to a destination and loses nothing: the record comes again with its
 * attempts used up and is parked again, by an upsert. A store that is down stops acknowledgement, not the process.
 */
import type { Clock } from '../clock.ts'
import type { DeadLetter, Settlement, Source } from '../contract.ts'
import type { DeadLetterStore } from '../dead-letters.ts'
import { MillraceError, wrapError } from '../errors.ts'
import type { Entry } from './entry.ts'
import { createOutbox, type Refused } from './outbox.ts'
import { within } from './within.ts'

export interface Parker {
  /** Records not yet parked. */
  readonly size: number
  park(entry: Entry, letter: DeadLetter, rejection: Rejection): void
  /** The store is being asked to take it: it may be a dead letter at any moment, whatever became of its claim. */
  isUnderWay(recordId: string): boolean
  /** Resolves when everything is parked or its claim lost. */
  idle(): Promise<void>
}

export type Rejection = Extract<Settlement, { outcome: 'rejected' }>

/** A channel that gets a copy of every dead letter; resolves when its broker confirmed all of them. */
export type DeadLetterDestination = (letters: readonly DeadLetter[]) => Promise<void>

export interface ParkerOptions {
  readonly clock: Clock
  readonly random: () => number
  /** Aborted: what was refused is not tried again. */
  readonly signal: AbortSignal
  /** How long store and destinations may take together, in milliseconds; then they are asked again. */
  readonly timeoutMs: number
  readonly store: Pick<DeadLetterStore, 'park'>
  readonly destinations: readonly DeadLetterDestination[]
  readonly source: () => Source
  /** The store has the letter; `settled` tells whether the source was told in the same transaction. */
  readonly onParked: (entry: Entry, rejection: Rejection, how: 'parked' | 'settled') => void
  readonly onTrouble: (error: MillraceError, letters: number) => void
}

interface Parcel {
  readonly entry: Entry
  readonly letter: DeadLetter
  readonly rejection: Rejection
}

export const createParker = (options: ParkerOptions): Parker => {
  /** What a destination has is not sent again because another one, or the store, does not answer. */
  const sent = new Map(options.destinations.map(send => [send, new WeakSet<Parcel>()]))
  const sendTo = async (send: DeadLetterDestination, items: readonly Parcel[]): Promise<void> => {
    const fresh = items.filter(item => !sent.get(send)?.has(item))
    if (fresh.length === 0) return
    await send(fresh.map(item => item.letter))
    for (const item of fresh) sent.get(send)?.add(item)
  }
  const underWay = new Set<string>()
  const deliver = async (parcels: readonly Parcel[]): Promise<Refused<Parcel> | undefined> => {
    // A lost claim's next owner parks the record itself: parking it here too would leave a letter for a live record.
    const items = parcels.filter(({ entry }) => entry.state !== 'gone')
    if (items.length === 0) return undefined
    const letters = items.map(item => item.letter)
    for (const { record } of letters) underWay.add(record.id)
    try {
      // One that answers later has done no harm: a second letter of the record is the same, and so is a second verdict.
      const how = await within(options.clock, options.timeoutMs, store(items, letters), () => silent(options.timeoutMs))
      for (const { entry, rejection } of items) options.onParked(entry, rejection, how)
      return undefined
    } catch (error) {
      return { items, error: wrapError('STATE_UNAVAILABLE', 'parking dead letters', error) }
    } finally {
      underWay.clear()
    }
  }
  const store = async (items: readonly Parcel[], letters: readonly DeadLetter[]): Promise<'parked' | 'settled'> => {
    for (const send of options.destinations) await sendTo(send, items)
    return options.store.park(letters, options.source().settleWithin?.(items.map(item => item.rejection)))
  }
  const outbox = createOutbox<Parcel>({
    clock: options.clock,
    random: options.random,
    signal: options.signal,
    deliver,
    onRefused: ({ items, error }) => options.onTrouble(error, items.length),
  })
  return {
    get size() {
      return outbox.size
    },
    park(entry, letter, rejection) {
      entry.state = 'parking'
      outbox.push({ entry, letter, rejection })
    },
    isUnderWay: recordId => underWay.has(recordId),
    idle: outbox.idle,
  }
}

const silent = (timeoutMs: number): MillraceError =>
  new MillraceError('STATE_UNAVAILABLE', `the store or a destination has not answered within ${timeoutMs} ms`)
