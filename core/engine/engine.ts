/** The engine: functions by name, a pool of environments for each, and nothing that knows of sources or verdicts. */
import { randomUUID } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { MillraceError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Engine, FunctionSpec, Host, Version } from './contract.ts'
import type { CreateEnvironment } from './environment.ts'
import { inlineEnvironments } from './inline/environment.ts'
import { createPool, type Pool } from './pool.ts'
import { processEnvironment } from './process/environment.ts'
import { openReaper, type Reaper } from './process/reaper.ts'
import { versionOf } from './version.ts'

export interface EngineParts {
  readonly clock: Clock
  readonly log: Log
  readonly host: Host
  /** The app's name: in the names of log groups. */
  readonly app: string
}

interface Hosted {
  readonly pool: Pool
  readonly version: () => Version
}

/** Starts nothing until a slot is used. Asking for a function that is not among `functions` throws. */
export const createEngine = (functions: readonly FunctionSpec[], parts: EngineParts): Engine => {
  const reaper = openReaper(parts.log)
  const hosted = new Map(functions.map(spec => [spec.name, hostFunction(spec, parts, reaper)]))
  const find = (name: string): Hosted => {
    const found = hosted.get(name)
    if (!found) throw new MillraceError('FUNCTION_NOT_FOUND', `functions.${name}: no such function is configured`)
    return found
  }
  let closed: Promise<void> | undefined
  const close = async (graceMs: number): Promise<void> => {
    await Promise.all([...hosted.values()].map(({ pool }) => pool.close(graceMs)))
    reaper.close()
  }
  return {
    acquire: (functionName, mapping, signal) => find(functionName).pool.acquire(mapping, signal),
    version: functionName => find(functionName).version(),
    stats: functionName => find(functionName).pool.stats(),
    close(graceMs) {
      closed ??= close(graceMs)
      return closed
    },
  }
}

const ID_CHARS = 8

const hostFunction = (spec: FunctionSpec, parts: EngineParts, reaper: Reaper): Hosted => {
  let known: Version | undefined
  const version = (): Version => {
    known ??= versionOf(spec.code)
    return known
  }
  const create: CreateEnvironment =
    spec.isolation === 'inline'
      ? inlineEnvironments(spec)
      : environmentParts => processEnvironment(environmentParts, reaper)
  const start = () =>
    create({
      spec,
      version: version(),
      app: parts.app,
      id: `${spec.name}-${randomUUID().slice(0, ID_CHARS)}`,
      clock: parts.clock,
      log: parts.log,
      host: parts.host,
    })
  return { version, pool: createPool({ spec, version, clock: parts.clock, start }) }
}
