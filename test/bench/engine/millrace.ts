/** The engine alone: acquire and invoke as the flow does it, or as a direct caller does, who does not wait. */
import { systemClock } from '../../../core/clock.ts'
import { fromOptions, functionOptions, functionSpec } from '../../../core/config/function-options.ts'
import { defaultsOf } from '../../../core/config/options.ts'
import type { Isolation, Slot } from '../../../core/engine/contract.ts'
import { createEngine, type FunctionEngine } from '../../../core/engine/engine.ts'
import { silentLog } from '../../../core/log.ts'
import type { Aim, Contestant } from '../contestant.ts'
import { benchInvocation, invokedRecord } from '../invocation.ts'
import type { Call } from './work.ts'

export interface Entry {
  readonly isolation: Isolation
  readonly bodies: readonly Uint8Array[]
  /** Default: as the flow does. */
  readonly caller?: 'direct'
  readonly aim?: Aim
}

/** One environment; `measure` makes the calls. */
export const millrace = (entry: Entry, measure: (call: Call) => Promise<number>): Contestant => ({
  name: `millrace ${entry.isolation}${entry.caller ? `, ${entry.caller}` : ''}`,
  ...(entry.aim ? { aim: entry.aim } : {}),
  async open() {
    const engine = benchEngine(entry.isolation)
    const call = callOf(engine, entry)
    await call()
    return { round: () => measure(call), close: () => engine.close(0) }
  },
})

export interface EngineOptions {
  /** Default: `reply.ts`. */
  readonly file?: string
  readonly provisioned?: number
  readonly zygotes?: number
}

/** An engine with the one function `reply`, which has one environment. */
export const benchEngine = (
  isolation: Isolation,
  { file = `${import.meta.dirname}/reply.ts`, provisioned = 0, zygotes = 0 }: EngineOptions = {},
): FunctionEngine => {
  const options = { ...defaultsOf(functionOptions), isolation, provisioned, maxEnvironments: 1 }
  const code = { file }
  return createEngine([functionSpec(fromOptions('reply', options, code))], {
    clock: systemClock,
    log: silentLog,
    host: { send: () => Promise.reject(new Error('the function sends nothing')) },
    app: 'bench',
    maxEnvironments: 1,
    zygotes,
  })
}

const NEVER = new AbortController().signal
const ADDRESS = 'local/bench'

export const callOf = (engine: FunctionEngine, { bodies, caller }: Pick<Entry, 'bodies' | 'caller'>): Call => {
  const records = bodies.map((body, index) => invokedRecord(ADDRESS, body, index))
  const slotOf = caller
    ? (): Slot | undefined => {
        const slot = engine.tryAcquire('reply')
        return 'throttled' in slot ? undefined : slot
      }
    : () => engine.acquire('reply', 'bench', NEVER)
  return async () => {
    const slot = await slotOf()
    const report = await slot?.invoke(benchInvocation(ADDRESS, records))
    if (report?.outcome.kind !== 'answered') throw new Error(`it failed: ${JSON.stringify(report?.outcome)}`)
  }
}
