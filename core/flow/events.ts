/**
 * What can be observed of the flow, on node:diagnostics_channel: `millrace:delivered`, `millrace:invoked`,
 * `millrace:settled`, `millrace:parked`, `millrace:breaker`. Without a subscriber an event is never built.
 */
import { type Channel, channel } from 'node:diagnostics_channel'
import type { EventRecord, Settlement } from '../contract.ts'
import type { Report } from '../engine/contract.ts'

export interface FlowEvents {
  readonly delivered: { readonly mapping: string; readonly records: readonly EventRecord[] }
  readonly invoked: { readonly mapping: string; readonly records: readonly EventRecord[]; readonly report: Report }
  readonly settled: { readonly mapping: string; readonly record: EventRecord; readonly outcome: Settlement['outcome'] }
  readonly parked: { readonly mapping: string; readonly record: EventRecord; readonly reason: string }
  readonly breaker: { readonly mapping: string; readonly state: 'open' | 'closed'; readonly cause: string }
}

const channels: { readonly [Name in keyof FlowEvents]: Channel } = {
  delivered: channel('millrace:delivered'),
  invoked: channel('millrace:invoked'),
  settled: channel('millrace:settled'),
  parked: channel('millrace:parked'),
  breaker: channel('millrace:breaker'),
}

export const observe = <Name extends keyof FlowEvents>(name: Name, event: () => FlowEvents[Name]): void => {
  if (channels[name].hasSubscribers) channels[name].publish(event())
}

/** Calls `see` with every event of this name; answers with what ends that. Meant for tests and live views. */
export const onFlowEvent = <Name extends keyof FlowEvents>(
  name: Name,
  see: (event: FlowEvents[Name]) => void,
): (() => void) => {
  const listener = (message: unknown): void => see(message as FlowEvents[Name])
  channels[name].subscribe(listener)
  return () => channels[name].unsubscribe(listener)
}
