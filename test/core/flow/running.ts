/** A mapping on a memory broker and a virtual clock, with a function that answers as the test says. */
import { memoryConnector } from '../../../connectors/memory/connector.ts'
import type { ChannelRef, DeadLetter, OutgoingRecord, Source } from '../../../core/contract.ts'
import type { DeadLetterStore, RememberedAttempts } from '../../../core/dead-letters.ts'
import type { Engine, InvokedRecord, Outcome } from '../../../core/engine/contract.ts'
import { createSharedBytes } from '../../../core/flow/credit.ts'
import { createFence } from '../../../core/flow/fence.ts'
import type { RecordFilter } from '../../../core/flow/filter.ts'
import type { MappingSpec } from '../../../core/flow/flow.ts'
import { createMapping, type Mapping } from '../../../core/flow/mapping.ts'
import type { Policy } from '../../../core/flow/policy.ts'
import { createSuspectTurn, type SuspectTurn } from '../../../core/flow/suspect.ts'
import { type Log, silentLog } from '../../../core/log.ts'
import { createVirtualClock } from '../../../core/testing/virtual-clock.ts'
import { settleDown } from '../../simulation/world.ts'

export const ACCEPT: Outcome = { kind: 'answered', value: undefined, refused: [] }
export const THROW: Outcome = { kind: 'failed', error: { name: 'Boom', message: 'boom' }, refused: [] }
export const named = (...ids: readonly string[]): Outcome => ({
  kind: 'answered',
  value: { batchItemFailures: ids.map(itemIdentifier => ({ itemIdentifier })) },
  refused: [],
})

export const POLICY: Policy = {
  order: 'none',
  batchSize: 10,
  batchWindowMs: 0,
  batchBytes: 1_000_000,
  maxConcurrency: 1,
  maxInFlight: 100,
  maxInFlightBytes: 10_000_000,
  maxAttempts: 3,
  maxAgeMs: undefined,
  maxFreeWaitMs: 3_600_000,
  backoff: { initialMs: 1_000, factor: 2, maxMs: 60_000, jitter: 'none' },
  bisect: true,
  breaker: { failures: Number.POSITIVE_INFINITY, initialMs: 1_000, maxMs: 8_000 },
  onDeadLetter: 'continue',
  notRetryable: [],
  drainTimeoutMs: 5_000,
  settleTimeoutMs: 10_000,
}

export interface Setup {
  readonly policy?: Partial<Policy>
  readonly type?: 'queue' | 'stream'
  readonly answer: (ids: readonly string[], records: readonly InvokedRecord[]) => Outcome
  /** Milliseconds of an invocation. Default: 10. */
  readonly invokeMs?: number
  /** Default: always 0.5. */
  readonly random?: () => number
  readonly adaptSource?: (source: Source) => Source
  readonly openSource?: () => Promise<Source>
  readonly store?: Partial<DeadLetterStore>
  readonly suspectTurn?: SuspectTurn
  /** Default: silent. */
  readonly log?: Log
  readonly crashes?: number
  readonly filter?: RecordFilter
}

export interface Bench {
  readonly mapping: Mapping
  /** The same mapping in another process: on the same broker, with the same store. */
  again(): Mapping
  /** The ids of each invocation's records, and the virtual milliseconds at which it began. */
  readonly invoked: { readonly atMs: number; readonly ids: string }[]
  readonly letters: Map<string, DeadLetter>
  readonly store: DeadLetterStore
  /** Records named by their ids, with keys where they have one: `a` or `a:key`. */
  send(...names: readonly string[]): Promise<void>
  /** Lets time pass, one event after the other. */
  pass(ms: number): Promise<void>
}

export const setUp = async (setup: Setup): Promise<Bench> => {
  const clock = createVirtualClock()
  const context = { clock, log: silentLog, random: () => 0.5, stateDir: '/nowhere' }
  const ref: ChannelRef = {
    type: setup.type ?? 'queue',
    name: 'records',
    address: 'test/records',
    options: { partitions: 1 },
  }
  const connection = await memoryConnector('memory').connect('test', {}, context)
  const policy = { ...POLICY, ...setup.policy }
  const invoked: Bench['invoked'] = []
  const letters: Bench['letters'] = new Map()
  const open = () => connection.openSource(ref, { group: 'g', start: 'earliest', maxInFlight: policy.maxInFlight })
  const spec: MappingSpec = {
    app: 'test',
    name: 'test',
    functionName: 'test',
    group: 'g',
    channel: ref.address,
    kind: 'memory',
    codec: 'json',
    hasSchema: false,
    policy,
  }
  const store = { ...storeOf(letters), ...setup.store }
  const again = (): Mapping =>
    createMapping(spec, {
      clock,
      log: setup.log ?? silentLog,
      random: setup.random ?? (() => 0.5),
      engine: engineOf(setup, invoked, ms => new Promise(resolve => clock.after(ms, resolve)), clock.monotonic),
      store,
      destinations: [],
      sharedBytes: createSharedBytes(10_000_000),
      suspectTurn: setup.suspectTurn ?? createSuspectTurn(),
      crashes: () => setup.crashes ?? 0,
      nextFences: createFence(clock),
      ...(setup.filter ? { filter: setup.filter } : {}),
      openSource: setup.openSource ?? (async () => (setup.adaptSource ?? (source => source))(await open())),
    })
  const sink = await connection.openSink(ref)
  const pass = async (ms: number): Promise<void> => {
    const untilMs = clock.monotonic() + ms
    for (;;) {
      await settleDown()
      const at = clock.nextAt()
      if (at === undefined || at > untilMs) break
      clock.advance(Math.max(0, at - clock.monotonic()))
    }
    clock.advance(untilMs - clock.monotonic())
    await settleDown()
  }
  return {
    mapping: again(),
    again,
    invoked,
    letters,
    store,
    pass,
    async send(...names) {
      await sink.send(names.map(outgoing))
    },
  }
}

const outgoing = (name: string): OutgoingRecord => {
  const [id = name, key] = name.split(':')
  return { id, key: key ?? null, body: new Uint8Array(8) }
}

const engineOf = (
  { answer, invokeMs = 10 }: Setup,
  invoked: Bench['invoked'],
  wait: (ms: number) => Promise<void>,
  nowMs: () => number,
): Engine => ({
  acquire: async (_function, _mapping, signal) =>
    signal.aborted
      ? undefined
      : {
          release() {},
          async invoke({ records, signal: ended }) {
            const ids = records.map(({ record }) => record.id)
            invoked.push({ atMs: nowMs(), ids: ids.join(' ') })
            const aborted = new Promise<void>(resolve => ended.addEventListener('abort', () => resolve()))
            await Promise.race([wait(invokeMs), aborted])
            return {
              outcome: ended.aborted ? { kind: 'aborted' } : answer(ids, records),
              environment: 'e',
              version: 'v',
              cold: false,
              durationMs: invokeMs,
              billedMs: invokeMs,
              gbSeconds: 0,
              memoryMb: 1,
              logs: [],
            }
          },
        },
  version: () => 'v',
  stats: () => ({ environments: 1, busy: 0, waiting: 0, coldStarts: 0, invocations: 0, throttled: 0 }),
  close: async () => {},
})

const storeOf = (letters: Bench['letters']): DeadLetterStore => {
  const remembered = new Map<string, RememberedAttempts>()
  const stopped = new Set<string>()
  return {
    async park(parked) {
      for (const letter of parked) letters.set(letter.record.id, letter)
      for (const { stops } of parked) if (stops !== undefined) stopped.add(stops)
      return 'parked'
    },
    stopped: async () => new Set(stopped),
    async goOn() {
      const names = [...stopped]
      stopped.clear()
      return names
    },
    async recall(_mapping, _source, ids) {
      const known = ids.flatMap(id => remembered.get(id) ?? [])
      return new Map(known.map(entry => [entry.id, { ...entry, parked: false }]))
    },
    async remember(_mapping, _source, entries) {
      for (const entry of entries) remembered.set(entry.id, entry)
    },
    async forget(_mapping, _source, ids) {
      for (const id of ids) remembered.delete(id)
    },
  }
}
