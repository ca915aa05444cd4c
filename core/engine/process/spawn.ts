/** Starts the process of an environment: in a group of its own, with a socketpair as fd 3, and hardly any variables. */
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { FunctionSpec } from '../contract.ts'
import { moduleVariables } from '../package/variables.ts'
import { logGroupOf, type Place } from '../runtime/context.ts'
import type { BeginMark } from './begin-mark.ts'
import { compileCacheDir } from './compile-cache.ts'

/** V8's heap is not all of a process: this much is left for the rest. */
const OUTSIDE_HEAP_MB = 40
const MIN_HEAP_MB = 16

/** Throws what spawn throws when the system has no process or file descriptor left. */
export const spawnEnvironment = (spec: FunctionSpec, place: Place, mark: BeginMark): ChildProcess => {
  const cacheDir = compileCacheDir()
  return spawn(
    process.execPath,
    [...spec.nodeOptions, `--max-old-space-size=${heapMb(spec.memoryMb)}`, moduleBeside('child')],
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

/** The path of a module of this folder: TypeScript in the repository, JavaScript where it was published. */
export const moduleBeside = (name: string): string =>
  fileURLToPath(new URL(`./${name}${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url))

const heapMb = (memoryMb: number): number => Math.max(MIN_HEAP_MB, Math.floor(memoryMb) - OUTSIDE_HEAP_MB)

const PASSED_ON = ['PATH', 'TZ', 'LANG', 'NODE_ENV'] as const

/** All that a function sees of the environment; its own `env` wins. Nothing else of the host's gets through. */
export const environmentVariables = (
  spec: Pick<FunctionSpec, 'name' | 'code' | 'env'>,
  place: Place,
  host: Readonly<Record<string, string | undefined>>,
): Record<string, string> => {
  const variables: Record<string, string> = {}
  for (const name of PASSED_ON) {
    const value = host[name]
    if (value !== undefined) variables[name] = value
  }
  return {
    ...variables,
    AWS_LAMBDA_FUNCTION_NAME: spec.name,
    AWS_LAMBDA_FUNCTION_VERSION: place.version,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(place.memoryMb),
    AWS_LAMBDA_LOG_GROUP_NAME: logGroupOf(place),
    AWS_LAMBDA_LOG_STREAM_NAME: place.environment,
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    ...('file' in spec.code ? moduleVariables(spec.code, variables.PATH) : {}),
    ...spec.env,
  }
}
