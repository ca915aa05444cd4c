/** An engine with one function whose limits are kept by the means that a test names. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { systemClock } from '../../../../core/clock.ts'
import { fromOptions, functionOptions, functionSpec } from '../../../../core/config/function-options.ts'
import { defaultsOf } from '../../../../core/config/options.ts'
import type { CpuMeans, Report } from '../../../../core/engine/contract.ts'
import { createEngine, type FunctionEngine } from '../../../../core/engine/engine.ts'
import { silentLog } from '../../../../core/log.ts'
import { temporaryFolder } from '../../../support/folder.ts'
import { invocation, invoked } from '../harness.ts'

export const limitsHost = async (
  context: TestContext,
  {
    source,
    memoryMb = 256,
    ...limits
  }: {
    readonly source: string
    readonly memoryMb?: number
    readonly cpuShares?: 'on' | 'off'
    readonly means?: readonly CpuMeans[]
  },
): Promise<{ readonly engine: FunctionEngine; run(): Promise<Report> }> => {
  const file = join(await temporaryFolder(context), 'f.mjs')
  await writeFile(file, source)
  const spec = functionSpec(fromOptions('f', { ...defaultsOf(functionOptions), memory: memoryMb }, { file }))
  const engine = createEngine([spec], {
    clock: systemClock,
    log: silentLog,
    host: { send: async () => undefined },
    app: 'test',
    maxEnvironments: 2,
    limits,
  })
  context.after(() => engine.close(0))
  return {
    engine,
    async run() {
      const slot = await engine.acquire('f', 'm', new AbortController().signal)
      if (!slot) throw new Error('no slot')
      return slot.invoke(invocation([invoked('{}', 0)]))
    },
  }
}
