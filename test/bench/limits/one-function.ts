/** An engine with one function of source text, as the flow uses it. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../../core/clock.ts'
import { fromOptions, functionOptions, functionSpec } from '../../../core/config/function-options.ts'
import { defaultsOf } from '../../../core/config/options.ts'
import type { CpuMeans, FunctionSpec, Report } from '../../../core/engine/contract.ts'
import { createEngine } from '../../../core/engine/engine.ts'
import type { LimitMeans } from '../../../core/engine/limits/means.ts'
import { silentLog } from '../../../core/log.ts'

export interface OneFunction {
  run(data: object): Promise<Report>
  means(): LimitMeans | undefined
  close(): Promise<void>
}

export const oneFunction = async (
  folder: string,
  name: string,
  source: string,
  change: Partial<FunctionSpec>,
  limits: { readonly cpuShares?: 'on' | 'off'; readonly means?: readonly CpuMeans[] } = {},
): Promise<OneFunction> => {
  const file = join(folder, `${name}.mjs`)
  await writeFile(file, source)
  const spec = {
    ...functionSpec(fromOptions(name, defaultsOf(functionOptions), { file })),
    maxEnvironments: 1,
    ...change,
  }
  const engine = createEngine([spec], {
    clock: systemClock,
    log: silentLog,
    host: { send: async () => undefined },
    app: 'bench',
    maxEnvironments: 1,
    limits,
  })
  const signal = new AbortController().signal
  return {
    async run(data) {
      const slot = await engine.acquire(name, 'bench', signal)
      if (!slot) throw new Error(`${name}: no environment`)
      return slot.invoke({
        requestId: crypto.randomUUID(),
        mapping: 'bench',
        channel: 'local/bench',
        codec: 'json',
        hasSchema: false,
        order: 'none',
        records: [recordOf(data)],
        signal,
      })
    },
    means: () => engine.functions()[0]?.limits,
    close: () => engine.close(0),
  }
}

const recordOf = (data: object) => ({
  record: {
    id: '1',
    idStrength: 'stable' as const,
    source: 'local/bench',
    time: 1_767_225_600_000,
    key: null,
    headers: [],
    body: Buffer.from(JSON.stringify(data)),
  },
  attempt: 1,
  idempotencyKey: 'bench/1',
  fence: 1,
})
