/** One run's time, chance and truth, which all simulated parts share; and a process, which can end at any moment. */
import type { Clock } from '../../core/clock.ts'
import { createVirtualClock, type VirtualClock } from '../../core/testing/virtual-clock.ts'
import type { FaultKind } from './faults.ts'
import { createLedger, type Ledger } from './ledger.ts'
import { createRandom, type Random } from './random.ts'
import type { Scenario } from './scenario.ts'

export interface World {
  readonly scenario: Scenario
  readonly clock: VirtualClock
  /** For latencies and the like; the flow has chance of its own. */
  readonly random: Random
  readonly ledger: Ledger
  /** Virtual milliseconds since the run began. */
  nowMs(): number
  /** Whether a fault of this kind is on at present. */
  isOn(kind: FaultKind): boolean
}

/** A process: when it is not alive any more nothing in it happens, and nobody is told. */
export interface Host {
  readonly name: string
  readonly clock: Clock
  alive: 'yes' | 'no'
  /** Resolves after up to `mostMs`, if the process still lives. */
  latency(mostMs: number): Promise<void>
  /** Never resolves in a process that has ended, nor when this goes on and on at one moment, which is a violation. */
  guard(what: string): Promise<void>
}

const HOT = 20_000

export const createWorld = (scenario: Scenario): World => {
  const clock = createVirtualClock()
  const nowMs = (): number => Math.round(clock.monotonic())
  return {
    scenario,
    clock,
    random: createRandom(scenario.seed ^ 0x5eed),
    ledger: createLedger(scenario, nowMs),
    nowMs,
    isOn: kind =>
      scenario.faults.some(fault => fault.kind === kind && nowMs() >= fault.atMs && nowMs() < fault.atMs + fault.forMs),
  }
}

export const createHost = (world: World, name: string): Host => {
  const { clock, random, ledger } = world
  const counts = new Map<string, { at: number; count: number }>()
  const host: Host = {
    name,
    alive: 'yes',
    clock: {
      now: clock.now,
      monotonic: clock.monotonic,
      after: (ms, run) => clock.after(ms, () => host.alive === 'yes' && run()),
    },
    latency: mostMs => new Promise(resolve => host.clock.after(random.int(0, mostMs), resolve)),
    async guard(what) {
      if (host.alive === 'no') await new Promise(() => {})
      const seen = counts.get(what)
      const now = world.nowMs()
      if (seen?.at === now) seen.count += 1
      else counts.set(what, { at: now, count: 1 })
      if ((seen?.count ?? 0) < HOT) return
      ledger.violate(`${what} went on ${HOT} times at one moment`)
      host.alive = 'no'
      await new Promise(() => {})
    },
  }
  return host
}

/** Lets everything happen that needs no time: promises run to their ends between two turns of the event loop. */
export const settleDown = (): Promise<void> => new Promise(resolve => setImmediate(resolve))
