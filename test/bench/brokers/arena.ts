import type { Broker, Scope } from '../../support/brokers/broker.ts'
import type { Arena, Bench } from '../contestant.ts'
import { installPeers } from './peers.ts'
import { type Entrant, type Field, type Place, racer } from './racer.ts'
import { LEAD_RECORDS, PLACE } from './work.ts'

export interface OpenField extends Field {
  close(): Promise<void>
}

export interface Race {
  readonly startBroker: (scope: Scope) => Promise<Broker>
  readonly openField: (place: Place) => Promise<OpenField>
  /** How many records are measured in each round, beside the lead: about a second of the raw client. */
  readonly measured: number
  readonly entrants: readonly Entrant[]
}

/** A broker for this bench, its field, and a process for each contestant. */
export const brokerArena =
  ({ startBroker, openField, measured, entrants }: Race): Bench['open'] =>
  async (say): Promise<Arena> => {
    await installPeers(say)
    const ends: (() => Promise<void>)[] = []
    const broker = await startBroker({ after: end => void ends.push(end) })
    say(`${broker.kind} ${broker.version} at ${broker.url}`)
    const place: Place = { url: broker.url, place: PLACE, records: LEAD_RECORDS + measured }
    const field = await openField(place)
    return {
      contestants: entrants.map(entrant => racer(entrant, place, field)),
      async close() {
        await field.close()
        for (const end of ends.toReversed()) await end()
      },
    }
  }
