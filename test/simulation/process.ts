/** One process of the simulated app after the other: each has a mapping of its own, on the same broker and store. */
import { createSharedBytes, type SharedBytes } from '../../core/flow/credit.ts'
import { createFence } from '../../core/flow/fence.ts'
import type { MappingSpec, Tools } from '../../core/flow/flow.ts'
import { createMapping, type Mapping } from '../../core/flow/mapping.ts'
import { createSuspectTurn } from '../../core/flow/suspect.ts'
import { silentLog } from '../../core/log.ts'
import type { Broker } from './broker.ts'
import { createEngine } from './engine.ts'
import { createFilter } from './filters.ts'
import { createRandom } from './random.ts'
import { openSource } from './source.ts'
import { openStore, type StoreState } from './store.ts'
import type { Witness } from './witness.ts'
import { createHost, type Host, type World } from './world.ts'

export interface Running {
  readonly host: Host
  readonly mapping: Mapping
  readonly shared: SharedBytes
}

export interface Parts {
  readonly world: World
  readonly broker: Broker
  readonly store: StoreState
  readonly witness: Witness
  /** Puts a mistake in: a test of the simulation itself. */
  readonly plant: Plant
}

/** Exchanges what a mapping is given for something that is wrong in one way. */
export type Plant = (
  tools: Tools,
  spec: MappingSpec,
  parts: Omit<Parts, 'plant'>,
) => { tools: Tools; spec: MappingSpec }

const SHARED_BYTES = 10_000_000

export const startProcess = (parts: Parts, name: string, onKilled: (running: Running) => void): Running => {
  const { world, broker, store, witness } = parts
  const host = createHost(world, name)
  const shared = createSharedBytes(SHARED_BYTES)
  const engine = createEngine(world, host, {
    witness,
    breaker: () => running.mapping.status().breaker,
    onKilled: () => onKilled(running),
  })
  const tools: Tools = {
    clock: host.clock,
    random: createRandom(world.scenario.seed ^ world.nowMs()).next,
    log: silentLog,
    engine,
    store: openStore(world, store, host),
    destinations: [],
    sharedBytes: shared,
    suspectTurn: createSuspectTurn(),
    crashes: () => 0,
    nextFences: createFence(host.clock),
    ...(world.scenario.filter ? { filter: createFilter(world, host, world.scenario.filter) } : {}),
    openSource: () => openSource(world, broker, host),
  }
  const planted = parts.plant(tools, specOf(world), parts)
  const running: Running = { host, mapping: createMapping(planted.spec, planted.tools), shared }
  void running.mapping.start()
  return running
}

const specOf = ({ scenario }: World): MappingSpec => ({
  app: 'sim',
  name: 'sim',
  functionName: 'sim',
  group: 'sim.sim',
  channel: 'sim/records',
  kind: 'sim',
  codec: 'json',
  hasSchema: false,
  policy: scenario.policy,
})

/** What is still claimed or counted although nothing is in flight. */
export const leftovers = ({ mapping, shared }: Running): readonly string[] => {
  const { inFlight, inFlightBytes, state } = mapping.status()
  return [
    ...(state === 'stopped' ? [] : [`the mapping is ${state}, not stopped`]),
    ...(inFlight === 0 ? [] : [`${inFlight} records are in flight after the stop`]),
    ...(inFlightBytes === 0 ? [] : [`${inFlightBytes} bytes are in flight after the stop`]),
    ...(shared.left() === SHARED_BYTES ? [] : [`${SHARED_BYTES - shared.left()} shared bytes were not given back`]),
  ]
}
