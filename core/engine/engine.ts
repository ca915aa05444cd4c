/** The engine: functions by name, a pool of environments for each, and nothing that knows of sources or verdicts. */
import { randomUUID } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import { MillraceError } from '../errors.ts'
import type { Log } from '../log.ts'
import { canaryPool, splitSpec, type Variant } from './canary.ts'
import { type Capacity, createCapacity } from './capacity.ts'
import { createCompany } from './company.ts'
import type { Engine, EngineStats, FunctionSpec, Host, Slot, Throttled, Version } from './contract.ts'
import type { Initialization } from './environment.ts'
import { type EnvironmentTools, environmentsOf, isHosted } from './environments.ts'
import { openImages } from './image/engine.ts'
import { cpuOf, type LimitsParts, meansOf, openLimits } from './limits/limits.ts'
import type { LimitMeans } from './limits/means.ts'
import { createPackageCache, noPackageCache } from './package/cache.ts'
import { createPool, type Pool } from './pool.ts'
import { startBlank } from './process/blank.ts'
import { openReaper } from './process/reaper.ts'
import { openZygotes } from './process/zygotes.ts'
import { keepSpare } from './spare.ts'
import { wedgedOf } from './thread/wedged.ts'
import { createUsageMeter, type Usage, type UsageMeter } from './usage.ts'
import { versionOf } from './version.ts'

export interface EngineParts {
  readonly clock: Clock
  readonly log: Log
  readonly host: Host
  /** The app's name: in the names of log groups. */
  readonly app: string
  /** Environments at once, over all functions. */
  readonly maxEnvironments: number
  /** Default: CPU is not limited, and every means there is may be used. */
  readonly limits?: Partial<Pick<LimitsParts, 'cpuShares' | 'means'>>
  /** Blank processes kept for each kind that functions need. Default: none. */
  readonly zygotes?: number
  /** Zips are unpacked below it. Without one, functions that are zips or have layers cannot be prepared. */
  readonly stateDir?: string
}

/** What the app asks of the engine beside what the flow does. */
export interface FunctionEngine extends Engine {
  /** For callers who are told to come again instead of waiting: HTTP and direct invocations. */
  tryAcquire(functionName: string, variant?: Variant): Slot | Throttled
  /**
   * Takes these functions from now on. One that did not change, code, options and variables, is left alone; of one that
   * did, waiting mappings get the new version and old environments finish their request. Answers the names that changed.
   */
  replace(functions: readonly FunctionSpec[]): readonly string[]
  functions(): readonly FunctionStatus[]
  /** Blank processes that are there for the next cold starts. */
  zygotes(): number
}

export interface FunctionStatus extends EngineStats {
  readonly name: string
  readonly limits: LimitMeans
  readonly version: Version
  /** The version that gets so many percent of the invocations, where there is one. */
  readonly canary?: { readonly version: Version; readonly weight: number } & EngineStats
  /** Of all its versions since the app started. */
  readonly usage: Usage
}

interface Hosted {
  readonly pool: Pool
  readonly variants: Readonly<Record<Variant, Pool | undefined>>
  readonly canary: () => FunctionStatus['canary']
  readonly limits: () => LimitMeans
  readonly version: () => Version
  /** Equal for functions that need no exchange. */
  readonly identity: unknown
}

/** How long an environment of a replaced version may take to finish its request: the longest timeout there is. */
const RETIRE_GRACE_MS = 900_000

/** Starts nothing but what is provisioned until a slot is used. Asking for a function that is not among `functions` throws. */
export const createEngine = (functions: readonly FunctionSpec[], parts: EngineParts): FunctionEngine => {
  const { clock, log, app, stateDir } = parts
  const reaper = openReaper(log)
  const limits = openLimits({ cpuShares: 'off', ...parts.limits, app, clock, log, reaper })
  const packages =
    stateDir === undefined ? noPackageCache : createPackageCache({ folder: join(stateDir, 'packages'), clock, log })
  const zygotes = openZygotes({
    count: parts.zygotes ?? 0,
    clock,
    log,
    start: (kind, id) => startBlank(kind, id, { clock, reaper, limits }),
    isWaitedFor: () => [...hosted.values()].some(({ pool }) => pool.stats().waiting > 0),
  })
  // Who may use only a share of a processor is not to use it for waiting.
  const company = createCompany(parts.limits?.cpuShares === 'on' ? 1 : availableParallelism())
  const tools: EnvironmentTools = { reaper, limits, packages, images: openImages(log), zygotes, company }
  const capacity = createCapacity(parts.maxEnvironments)
  const meters = new Map<string, UsageMeter>()
  const meterOf = (name: string): UsageMeter => {
    const meter = meters.get(name) ?? createUsageMeter()
    meters.set(name, meter)
    return meter
  }
  const hosted = new Map<string, Hosted>()
  const retiring = new Set<Pool>()
  const find = (name: string): Hosted => {
    const found = hosted.get(name)
    if (!found) throw new MillraceError('FUNCTION_NOT_FOUND', `functions.${name}: no such function is configured`)
    return found
  }
  const replace = (specs: readonly FunctionSpec[]): readonly string[] => {
    const changed = specs.filter(spec => hosted.get(spec.name)?.identity !== identityOf(spec))
    for (const spec of changed) {
      const before = hosted.get(spec.name)
      // Before: what is reserved or provisioned for a function is the next version's.
      if (before) retire(before.pool)
      zygotes.forget(spec.name)
      hosted.set(spec.name, hostFunction(spec, { ...parts, tools, capacity, usage: meterOf(spec.name) }))
    }
    return changed.map(spec => spec.name)
  }
  const retire = (pool: Pool): void => {
    retiring.add(pool)
    void pool.retire(RETIRE_GRACE_MS).finally(() => retiring.delete(pool))
  }
  let closed: Promise<void> | undefined
  const close = async (graceMs: number): Promise<void> => {
    const pools = [...[...hosted.values()].map(({ pool }) => pool), ...retiring]
    await Promise.all([zygotes.close(), ...pools.map(pool => pool.close(graceMs))])
    await limits.close()
    reaper.close()
    await packages.close()
  }
  replace(functions)
  return {
    async acquire(functionName, mapping, signal) {
      for (;;) {
        const current = find(functionName)
        const slot = await current.pool.acquire(mapping, signal)
        // The pool of a version that was replaced answers with nothing: then the new one is asked.
        if (slot || signal.aborted || hosted.get(functionName) === current) return slot
      }
    },
    tryAcquire(functionName, variant) {
      const { pool, variants } = find(functionName)
      const wanted = variant ? variants[variant] : pool
      if (wanted) return wanted.tryAcquire()
      throw new MillraceError(
        'FUNCTION_NOT_FOUND',
        `functions.${functionName} has no ${variant}; give it the option canary`,
      )
    },
    version: functionName => find(functionName).version(),
    stats: functionName => find(functionName).pool.stats(),
    replace,
    functions: () =>
      [...hosted].map(([name, { pool, version, ...each }]) => {
        const canary = each.canary()
        return {
          name,
          limits: each.limits(),
          version: version(),
          ...(canary ? { canary } : {}),
          ...pool.stats(),
          usage: meterOf(name).read(),
        }
      }),
    zygotes: zygotes.count,
    close(graceMs) {
      closed ??= close(graceMs)
      return closed
    },
  }
}

/** A handler given as a value is itself; a file is its path, its options and the content of all it imports. */
const identityOf = ({ code, canary, ...options }: FunctionSpec): unknown =>
  'handler' in code && !('command' in code)
    ? code.handler
    : JSON.stringify([
        'url' in code ? { ...code, headers: Object.entries(code.headers), tls: Object.entries(code.tls) } : code,
        versionOf(code),
        canary && [canary, versionOf(canary.code)],
        { ...options, env: Object.entries(options.env) },
      ])

const ID_CHARS = 8

interface HostingParts extends EngineParts {
  readonly tools: EnvironmentTools
  readonly capacity: Capacity
  readonly usage: UsageMeter
}

const hostFunction = (spec: FunctionSpec, parts: HostingParts): Hosted => {
  const common = { limits: () => meansOf(spec, parts.tools.limits), identity: identityOf(spec) }
  const specs = splitSpec(spec)
  const stable = hostVersion(specs.stable, parts)
  if (!spec.canary)
    return { ...common, ...stable, variants: { stable: stable.pool, canary: undefined }, canary: () => undefined }
  const canary = hostVersion(specs.canary, parts)
  const { weight } = spec.canary
  return {
    ...common,
    version: stable.version,
    pool: canaryPool({ stable: stable.pool, canary: canary.pool, weight }),
    variants: { stable: stable.pool, canary: canary.pool },
    canary: () => ({ version: canary.version(), weight, ...canary.pool.stats() }),
  }
}

const hostVersion = (spec: FunctionSpec, parts: HostingParts): Pick<Hosted, 'version' | 'pool'> => {
  let known: Version | undefined
  const version = (): Version => {
    known ??= versionOf(spec.code)
    return known
  }
  const { app, clock, log, host, capacity, usage } = parts
  const create = environmentsOf(spec, parts.tools)
  const begin = (initialization: Initialization) =>
    create({
      spec,
      version: version(),
      app,
      id: `${spec.name}-${randomUUID().slice(0, ID_CHARS)}`,
      initialization,
      clock,
      log,
      host,
    })
  const spare = spec.snapshot ? keepSpare({ spec, clock, log, capacity, create: () => begin('snap-start') }) : undefined
  const start = spare ? spare.start : begin
  const lost = () => wedgedOf(spec.name)
  const cpu = () => cpuOf(spec, parts.tools.limits)
  // One that is past Init already is no work to start.
  const startsAtOnce = isHosted(spec) && !spare ? Math.max(1, availableParallelism() - 1) : Number.POSITIVE_INFINITY
  const pool = createPool({ spec, version, clock, log, capacity, usage, start, lost, startsAtOnce, cpu })
  return { version, pool: spare ? spare.beside(pool) : pool }
}
