/** An engine over functions that a test writes as source text, each in a file of the test's own folder. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { systemClock } from '../../../core/clock.ts'
import { fromOptions, functionOptions, functionSpec } from '../../../core/config/function-options.ts'
import { defaultsOf } from '../../../core/config/options.ts'
import type { OutgoingRecord } from '../../../core/contract.ts'
import type { FunctionSpec, Host, Invocation, InvokedRecord, Report } from '../../../core/engine/contract.ts'
import { createEngine, type FunctionEngine } from '../../../core/engine/engine.ts'
import { logTo } from '../../../core/log.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { until } from '../../support/until.ts'

export interface Harness {
  readonly engine: FunctionEngine
  readonly specs: readonly FunctionSpec[]
  /** Of a function of the harness, by its name. */
  run(name: string, bodies?: readonly (string | Uint8Array | null)[], change?: Partial<Invocation>): Promise<Report>
  /** All that went to the log: `level message`. */
  readonly lines: string[]
  readonly fields: Readonly<Record<string, unknown>>[]
  readonly stateDir: string
  readonly sent: { readonly address: string; readonly records: readonly OutgoingRecord[] }[]
}

/** Source text, or a value of which the handler is given itself. */
export type Written = Partial<FunctionSpec> & { readonly source?: string; readonly extension?: string }

export const core = (path: string): string => JSON.stringify(join(import.meta.dirname, '../../../core', path))

/** A channel as source text: `address` is `local/<name>`. */
export const channelSource = (name: string, more = "codec: 'json', schema: undefined"): string =>
  `{ type: 'queue', name: '${name}', address: 'local/${name}', options: {}, ordered: false, positioned: false,
     connection: { kind: 'embedded', name: 'local', options: {} }, ${more} }`

/** Tests whose environments come from blank processes, as they do in an app; see `inEveryIsolation`. */
export const FROM_BLANKS = new WeakSet<TestContext>()

export interface HarnessOptions {
  readonly host?: Host
  readonly maxEnvironments?: number
  readonly zygotes?: number
}

export const harness = async (
  context: TestContext,
  written: Readonly<Record<string, Written>>,
  { host, maxEnvironments = 1_000, zygotes = FROM_BLANKS.has(context) ? 1 : 0 }: HarnessOptions = {},
): Promise<Harness> => {
  const folder = await temporaryFolder(context)
  const stateDir = join(folder, 'state')
  const lines: string[] = []
  const fields: Readonly<Record<string, unknown>>[] = []
  const sent: Harness['sent'] = []
  const specs = await Promise.all(Object.entries(written).map(([name, each]) => specOf(folder, name, each)))
  const engine = createEngine(specs, {
    clock: systemClock,
    log: logTo((level, message, with_) => {
      lines.push(`${level} ${message}`)
      fields.push(with_)
    }),
    host: host ?? { send: async (address, records) => void sent.push({ address, records }) },
    app: 'test',
    stateDir,
    maxEnvironments,
    zygotes,
  })
  context.after(() => engine.close(0))
  let toProve = FROM_BLANKS.has(context)
  if (toProve) await until('a blank process is ready', () => engine.zygotes() > 0)
  const run: Harness['run'] = async (name, bodies = ['{}'], change = {}) => {
    const slot = await engine.acquire(name, change.mapping ?? 'm', new AbortController().signal)
    if (!slot) throw new Error('no slot')
    const report = await slot.invoke(invocation(bodies.map(invoked), change))
    const from = report.coldStart?.from
    if (toProve && from) assert.equal(from, 'zygote')
    toProve = false
    return report
  }
  return { engine, specs, run, lines, fields, sent, stateDir }
}

const specOf = async (folder: string, name: string, written: Written): Promise<FunctionSpec> => {
  const { source, extension = 'ts', ...change } = written
  const file = join(folder, `${name}.${extension}`)
  if (source !== undefined) await writeFile(file, source)
  return {
    ...functionSpec(fromOptions(name, defaultsOf(functionOptions), { file })),
    timeoutMs: 20_000,
    initTimeoutMs: 20_000,
    memoryMb: 256,
    maxEnvironments: 2,
    ...change,
  }
}

export const invocation = (records: readonly InvokedRecord[], change: Partial<Invocation> = {}): Invocation => ({
  requestId: 'request-1',
  mapping: 'm',
  channel: 'local/q',
  codec: 'json',
  hasSchema: false,
  order: 'none',
  records,
  signal: new AbortController().signal,
  ...change,
})

export const invoked = (body: string | Uint8Array | null, index: number): InvokedRecord => ({
  record: {
    id: `r${index}`,
    idStrength: 'stable',
    source: 'local/q',
    time: 1_700_000_000_000 + index,
    key: null,
    headers: [],
    body: typeof body === 'string' ? Buffer.from(body) : body,
  },
  attempt: 1,
  idempotencyKey: `test.m/local/q/r${index}`,
  fence: 1,
})

/** The outcome of a report that has to be one of its kind. */
export const outcomeAs = <Kind extends Report['outcome']['kind']>(
  report: Report,
  kind: Kind,
): Extract<Report['outcome'], { kind: Kind }> => {
  if (report.outcome.kind !== kind) throw new Error(`expected ${kind}, got ${JSON.stringify(report.outcome)}`)
  return report.outcome as Extract<Report['outcome'], { kind: Kind }>
}

/** What the log may have of one environment that prints without end, in the time it had: its lines, and one a second about them. */
export const mostLines = (passedMs: number): number => Math.ceil((2 + passedMs / 1_000) * 5_001 + 1)
