/** What a mapping of requests tells of itself, in the form of all mappings. */
import type { MappingStatus } from '../status.ts'
import type { RequestFlow } from './flow.ts'

export const requestStatus = (flow: RequestFlow): MappingStatus => ({
  name: flow.spec.name,
  channel: flow.spec.channel,
  function: flow.spec.functionName,
  state: flow.phase,
  healthy: flow.healthy,
  inFlight: flow.inFlight,
  inFlightBytes: flow.waiting.reduce((sum, { delivery }) => sum + (delivery.record.body?.byteLength ?? 0), 0),
  waiting: flow.waiting.length,
  running: flow.running,
  blocked: [],
  stopped: [],
  breaker: flow.breaker.state,
  counts: { ...flow.counters },
  ...(flow.outage ? { waitsForSource: { since: flow.outage.since, message: flow.outage.error.message } } : {}),
  ...(flow.lastError ? { lastError: { code: flow.lastError.code, message: flow.lastError.message } } : {}),
})
