/** A broker with a place for jobs, as the run needs it: published to and asked directly, read through a proxy. */
import type { Broker, Scope } from '../support/brokers/broker.ts'
import type { FaultProxy } from '../support/proxy.ts'

export interface Arena {
  readonly broker: Broker
  readonly proxy: FaultProxy
  /** What the members are told beside CHAOS_SOURCE: where the broker is. */
  readonly env: NodeJS.ProcessEnv
  /** Confirmed by the broker, by its plain client, not through the proxy where the broker allows that. */
  publish(bodies: readonly { readonly key: string; readonly body: string }[]): Promise<void>
  /** What the broker still thinks unsettled; rejects while it cannot be asked. */
  backlog(): Promise<number>
}

export type OpenArena = (scope: Scope, random: () => number) => Promise<Arena>
