/** The functions of an app, each with an engine of its own, so that one can be exchanged while the others run. */
import type { Engine, EngineStats, FunctionSpec } from './engine/contract.ts'
import { createEngine, type EngineParts } from './engine/engine.ts'
import { versionOf } from './engine/version.ts'
import { MillraceError } from './errors.ts'

export interface Functions extends Pick<Engine, 'acquire' | 'version'> {
  /** Takes these functions from now on; old environments finish their request and retire. Answers what changed. */
  replace(specs: readonly FunctionSpec[]): Promise<readonly string[]>
  stats(): readonly ({ readonly name: string; readonly version: string } & EngineStats)[]
  stats(functionName: string): EngineStats
  close(graceMs: number): Promise<void>
}

interface Hosted {
  readonly engine: Engine
  /** Equal for functions that need no exchange. */
  readonly identity: unknown
}

/** How long an environment of a replaced version may take to finish its request. */
const RETIRE_GRACE_MS = 60_000

export const createFunctions = (parts: EngineParts): Functions & Engine => {
  const hosted = new Map<string, Hosted>()
  const find = (name: string): Hosted => {
    const found = hosted.get(name)
    if (!found) throw new MillraceError('FUNCTION_NOT_FOUND', `functions.${name}: no such function is configured`)
    return found
  }

  /** Waiting for an environment of a version that was replaced becomes waiting for one of the new version. */
  const acquire: Engine['acquire'] = async (name, mapping, signal) => {
    for (;;) {
      const current = find(name)
      const slot = await current.engine.acquire(name, mapping, signal)
      if (slot || signal.aborted || hosted.get(name) === current) return slot
    }
  }

  return {
    acquire,
    version: name => find(name).engine.version(name),
    stats: ((name?: string) =>
      name === undefined
        ? [...hosted].map(([each, { engine }]) => ({
            name: each,
            version: engine.version(each),
            ...engine.stats(each),
          }))
        : find(name).engine.stats(name)) as Functions['stats'],
    async replace(specs) {
      const changed: string[] = []
      const retired: Engine[] = []
      for (const spec of specs) {
        const before = hosted.get(spec.name)
        const identity = identityOf(spec)
        if (before?.identity === identity) continue
        hosted.set(spec.name, { engine: createEngine([spec], parts), identity })
        changed.push(spec.name)
        if (before) retired.push(before.engine)
      }
      for (const engine of retired) void engine.close(RETIRE_GRACE_MS)
      return changed
    },
    async close(graceMs) {
      await Promise.all([...hosted.values()].map(({ engine }) => engine.close(graceMs)))
    },
  }
}

/** A handler given as a value is itself; a file is its path, options and content. */
const identityOf = ({ code, ...options }: FunctionSpec): unknown =>
  'handler' in code
    ? code.handler
    : JSON.stringify([code.file, versionOf(code), { ...options, env: Object.entries(options.env) }])
