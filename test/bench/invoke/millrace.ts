/** The engine alone, as the flow uses it: acquire an environment, invoke, read the report. */
import { join } from 'node:path'
import { systemClock } from '../../../core/clock.ts'
import { fromOptions, functionOptions, functionSpec } from '../../../core/config/function-options.ts'
import { defaultsOf } from '../../../core/config/options.ts'
import type { FunctionSpec, InvokedRecord } from '../../../core/engine/contract.ts'
import { createEngine } from '../../../core/engine/engine.ts'
import { silentLog } from '../../../core/log.ts'
import type { Contestant } from '../contestant.ts'
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
    const records = BODIES.map(invoked)
    return {
      round: () =>
        invocationsPerSecond(async () => {
          const slot = await engine.acquire('noop', 'bench', signal)
          const report = await slot?.invoke({
            requestId: crypto.randomUUID(),
            mapping: 'bench',
            channel: orders.address,
            codec: 'json',
            hasSchema: false,
            order: 'none',
            records,
            signal,
          })
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

const invoked = (body: Uint8Array, index: number): InvokedRecord => ({
  record: {
    id: `record-${index}`,
    idStrength: 'stable',
    source: orders.address,
    time: 1_767_225_600_000 + index,
    key: `key-${index % 7}`,
    headers: [],
    body,
    position: { sequence: index },
  },
  attempt: 1,
  idempotencyKey: `bench/bench/${orders.address}/record-${index}`,
  fence: 1_767_225_600_000_000 + index,
})
