/** Starts the process of an environment: in a group of its own, with a socketpair as fd 3, and hardly any variables. */
import { type ChildProcess, spawn } from 'node:child_process'
import type { FunctionSpec } from '../contract.ts'
import { compileCacheDir } from '../hosting/compile-cache.ts'
import { environmentVariables, heapMb, moduleBeside } from '../hosting/start.ts'
import type { Place } from '../runtime/context.ts'
import type { BeginMark } from './begin-mark.ts'

/** Throws what spawn throws when the system has no process or file descriptor left. */
export const spawnEnvironment = (spec: FunctionSpec, place: Place, mark: BeginMark): ChildProcess => {
  const cacheDir = compileCacheDir()
  return spawn(
    process.execPath,
    [...spec.nodeOptions, `--max-old-space-size=${heapMb(spec.memoryMb)}`, moduleBeside(import.meta.url, 'child')],
    {
      env: {
        ...environmentVariables(spec, place, process.env),
        // Read by Node before any module of ours; the runtime removes it before any module of the user.
        ...(cacheDir === undefined ? {} : { NODE_COMPILE_CACHE: cacheDir }),
      },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', mark.fd],
    },
  )
}
