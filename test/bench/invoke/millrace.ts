/** The engine alone, as the flow uses it: acquire an environment, invoke, read the report. */
import { join } from 'node:path'
import { systemClock } from '../../../core/clock.ts'
import { fromOptions, functionOptions, functionSpec } from '../../../core/config/function-options.ts'
import { defaultsOf } from '../../../core/config/options.ts'
import type { FunctionSpec } from '../../../core/engine/contract.ts'
import { createEngine } from '../../../core/engine/engine.ts'
import { silentLog } from '../../../core/log.ts'
import type { Contestant } from '../contestant.ts'
import { benchInvocation, invokedRecord } from '../invocation.ts'
import { orders } from './orders.ts'
import { BODIES, invocationsPerSecond } from './work.ts'

type Kind = 'inline' | 'process' | 'runtime-api'

export const millrace = (kind: Kind): Contestant => ({
  name: `millrace ${kind}`,
  async open() {
    const engine = createEngine([spec(kind)], {
      clock: systemClock,
      log: silentLog,
      host: { send: () => Promise.reject(new Error('the no-op function sends nothing')) },
      app: 'bench',
      maxEnvironments: 1,
    })
    const signal = new AbortController().signal
    const records = BODIES.map((body, index) => invokedRecord(orders.address, body, index))
    return {
      round: () =>
        invocationsPerSecond(async () => {
          const slot = await engine.acquire('noop', 'bench', signal)
          const report = await slot?.invoke(benchInvocation(orders.address, records))
          if (report?.outcome.kind !== 'answered')
            throw new Error(`the no-op function failed: ${JSON.stringify(report?.outcome)}`)
        }),
      close: () => engine.close(0),
    }
  },
})

const spec = (kind: Kind): FunctionSpec => ({
  ...functionSpec(
    kind === 'runtime-api'
      ? fromOptions('noop', defaultsOf(functionOptions), {
          command: [process.execPath, 'program-main.ts'],
          folder: import.meta.dirname,
        })
      : fromOptions(
          'noop',
          { ...defaultsOf(functionOptions), isolation: kind },
          { file: join(import.meta.dirname, 'noop.ts') },
        ),
  ),
  maxEnvironments: 1,
})
