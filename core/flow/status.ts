/** What a mapping tells of itself: plain JSON, for the command line, the console and tests. */
import { scopeText } from './entry.ts'
import type { Counters, Flow, Phase } from './flow.ts'

export interface MappingStatus {
  readonly name: string
  readonly channel: string
  readonly function: string
  readonly state: Phase
  readonly healthy: boolean
  /** Records claimed and not settled. */
  readonly inFlight: number
  readonly inFlightBytes: number
  /** Of those: waiting for a batch or a retry. */
  readonly waiting: number
  /** Batches that run. */
  readonly running: number
  /** Keys or lanes whose next record waits for a retry, at most twenty of them. */
  readonly blocked: readonly string[]
  /** Keys or lanes that stopped behind a dead letter, at most twenty of them. */
  readonly stopped: readonly string[]
  readonly breaker: 'closed' | 'open'
  readonly counts: Readonly<Counters>
  /** While the source cannot be opened or read: since when, in milliseconds since the epoch, and why. */
  readonly waitsForSource?: { readonly since: number; readonly message: string }
  readonly lastError?: { readonly code: string; readonly message: string }
}

const SHOWN_SCOPES = 20

export const mappingStatus = (flow: Flow): MappingStatus => ({
  name: flow.spec.name,
  channel: flow.spec.channel,
  function: flow.spec.functionName,
  state: flow.phase,
  healthy: flow.healthy,
  inFlight: flow.credit.records,
  inFlightBytes: flow.credit.bytes,
  waiting: flow.waiting.size,
  running: flow.batches.size,
  blocked: [...flow.waiting.blocked()]
    .flatMap(({ name }) => (name === null || flow.stoppedScopes.has(name) ? [] : [scopeText(name)]))
    .slice(0, SHOWN_SCOPES),
  stopped: [...flow.stoppedScopes].slice(0, SHOWN_SCOPES).map(scopeText),
  breaker: flow.breaker.state,
  counts: { ...flow.counters },
  ...(flow.outage ? { waitsForSource: { since: flow.outage.since, message: flow.outage.error.message } } : {}),
  ...(flow.lastError ? { lastError: { code: flow.lastError.code, message: flow.lastError.message } } : {}),
})
