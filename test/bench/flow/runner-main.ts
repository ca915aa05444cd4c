/** One mapping in a process of its own: told to, it has a round of records processed and answers what that cost. */
import { systemClock } from '../../../core/clock.ts'
import { fromOptions, functionOptions, functionSpec } from '../../../core/config/function-options.ts'
import { defaultsOf } from '../../../core/config/options.ts'
import type { Engine, Report, Slot } from '../../../core/engine/contract.ts'
import { createEngine } from '../../../core/engine/engine.ts'
import { createSharedBytes } from '../../../core/flow/credit.ts'
import { createFence } from '../../../core/flow/fence.ts'
import { createMapping } from '../../../core/flow/mapping.ts'
import type { Policy } from '../../../core/flow/policy.ts'
import { createSuspectTurn } from '../../../core/flow/suspect.ts'
import { silentLog } from '../../../core/log.ts'
import { childrensCpuMs } from './children.ts'
import { memorySource } from './source.ts'
import { BATCH_SIZE, CHANNEL, type Cost, RECORDS_A_ROUND, type Setup } from './work.ts'

const POLICY: Policy = {
  order: 'none',
  batchSize: BATCH_SIZE,
  batchWindowMs: 0,
  batchBytes: 6_000_000,
  maxConcurrency: 10,
  maxInFlight: 20 * BATCH_SIZE,
  maxInFlightBytes: 64_000_000,
  maxAttempts: 8,
  maxAgeMs: undefined,
  maxFreeWaitMs: 21_600_000,
  backoff: { initialMs: 1_000, factor: 2, maxMs: 300_000, jitter: 'full' },
  bisect: true,
  breaker: { failures: 10, initialMs: 1_000, maxMs: 60_000 },
  onDeadLetter: 'continue',
  notRetryable: [],
  drainTimeoutMs: 5_000,
  settleTimeoutMs: 60_000,
}

const DONE: Report = {
  outcome: { kind: 'answered', value: undefined, refused: [] },
  environment: 'none',
  version: 'bench',
  cold: false,
  durationMs: 0,
  billedMs: 0,
  gbSeconds: 0,
  memoryMb: 0,
  logs: [],
}

/** Answers at once, but not in the same turn: nothing that runs does. */
const answering = (): Engine => {
  const slot: Slot = { invoke: () => new Promise(resolve => setImmediate(resolve, DONE)), release: () => undefined }
  return {
    acquire: () => Promise.resolve(slot),
    version: () => DONE.version,
    stats: () => ({ environments: 0, busy: 0, waiting: 0, coldStarts: 0, invocations: 0, throttled: 0 }),
    close: () => Promise.resolve(),
  }
}

const engineFor = ({ engine }: Setup): Engine => {
  if (engine === 'alone') return answering()
  const options = { ...defaultsOf(functionOptions), isolation: engine }
  return createEngine([functionSpec(fromOptions('noop', options, { file: `${import.meta.dirname}/noop.ts` }))], {
    clock: systemClock,
    log: silentLog,
    host: { send: () => Promise.reject(new Error('the function sends nothing')) },
    app: 'bench',
    maxEnvironments: 10,
  })
}

const serve = async (setup: Setup): Promise<void> => {
  const source = memorySource(setup.order === 'lane' ? 4 : 1)
  const engine = engineFor(setup)
  const mapping = createMapping(
    {
      app: 'bench',
      name: 'bench',
      functionName: 'noop',
      group: 'bench',
      kind: 'memory',
      channel: CHANNEL,
      codec: 'bytes',
      hasSchema: false,
      policy: { ...POLICY, order: setup.order },
    },
    {
      clock: systemClock,
      random: Math.random,
      log: silentLog,
      engine,
      store: {
        park: () => Promise.reject(new Error('nothing fails here')),
        recall: async () => new Map(),
        remember: async () => undefined,
        forget: async () => undefined,
        stopped: async () => new Set(),
        goOn: async () => [],
      },
      destinations: [],
      sharedBytes: createSharedBytes(POLICY.maxInFlightBytes),
      suspectTurn: createSuspectTurn(),
      crashes: () => 0,
      nextFences: createFence(systemClock),
      openSource: async () => source,
    },
  )
  await mapping.start()
  const round = async (): Promise<Cost> => {
    const childrenBefore = childrensCpuMs()
    const before = process.cpuUsage()
    await source.give(RECORDS_A_ROUND)
    const { user, system } = process.cpuUsage(before)
    const environments = ((childrensCpuMs() - childrenBefore) * 1_000) / RECORDS_A_ROUND
    return { host: (user + system) / RECORDS_A_ROUND, environments }
  }
  process.on('message', async message => {
    if (message === 'round') process.send?.(await round())
    else {
      await mapping.stop()
      await engine.close(1_000)
      process.exit(0)
    }
  })
  process.send?.('ready')
}

await serve(JSON.parse(String(process.argv[2])) as Setup)
