/** An engine in which nothing is run: environments are counted, invocations take virtual time and come to something. */
import type { Engine, Invocation, Report, Slot } from '../../core/engine/contract.ts'
import { type Doing, runFunction } from './function.ts'
import type { Run, Witness } from './witness.ts'
import type { Host, World } from './world.ts'

export interface EngineHooks {
  readonly witness: Witness
  readonly breaker: () => 'open' | 'closed'
  /** The process ends in the middle of an invocation. */
  readonly onKilled: () => void
}

export const createEngine = (world: World, host: Host, hooks: EngineHooks): Engine => {
  const waiting: (() => void)[] = []
  let free = world.scenario.environments
  const release = (): void => {
    free += 1
    waiting.shift()?.()
  }
  const slot: Slot = {
    async invoke(invocation) {
      const report = await invoke(world, host, hooks, invocation)
      release()
      return report
    },
    release,
  }
  return {
    async acquire(_function, _mapping, signal) {
      await host.guard('acquiring an environment')
      while (free === 0 && !signal.aborted)
        await new Promise<void>(resolve => {
          waiting.push(resolve)
          signal.addEventListener('abort', () => resolve(), { once: true })
        })
      await host.guard('being granted an environment')
      if (signal.aborted) return undefined
      free -= 1
      return slot
    },
    version: () => 'simulated',
    stats: () => ({ environments: 0, busy: 0, waiting: 0, coldStarts: 0, invocations: 0, throttled: 0 }),
    close: async () => {},
  }
}

const invoke = async (world: World, host: Host, hooks: EngineHooks, invocation: Invocation): Promise<Report> => {
  await host.guard('invoking')
  const run = hooks.witness.begin(host, invocation.records, hooks.breaker())
  const startMs = host.clock.monotonic()
  if (run.accounts.some(({ planned }) => planned.nature.kind === 'kills')) {
    await host.latency(world.scenario.invokeMs)
    if (!invocation.signal.aborted) hooks.onKilled()
  }
  const doing = await perform(world, host, invocation, run)
  hooks.witness.end(run, doing)
  return {
    outcome: doing.outcome,
    environment: `${host.name}-environment`,
    version: 'simulated',
    cold: false,
    durationMs: host.clock.monotonic() - startMs,
    billedMs: 0,
    gbSeconds: 0,
    memoryMb: 0,
    logs: [],
  }
}

const TIMEOUT_MS = 5_000

const perform = async (world: World, host: Host, { records, signal }: Invocation, run: Run): Promise<Doing> => {
  const mostMs = world.isOn('function times out') ? TIMEOUT_MS : world.scenario.invokeMs
  const aborted = new Promise<'aborted'>(resolve => {
    if (signal.aborted) resolve('aborted')
    signal.addEventListener('abort', () => resolve('aborted'), { once: true })
  })
  const how = await Promise.race([host.latency(mostMs), aborted])
  if (how !== 'aborted') return runFunction(world, records)
  world.ledger.note(`aborted ${run.accounts.map(({ planned }) => planned.id).join(' ')}`)
  return { outcome: { kind: 'aborted' }, processed: [], blamed: [], untried: [], retryAfterMs: new Map() }
}
