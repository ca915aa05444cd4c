/** Starts the process of an environment: in a group of its own, with a socketpair as fd 3, and hardly any variables. */
import { type ChildProcess, spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import type { FunctionSpec, ModuleCode } from '../contract.ts'
import { compileCacheDir } from '../hosting/compile-cache.ts'
import { environmentVariables, heapMb, moduleBeside } from '../hosting/start.ts'
import { temporaryIn } from '../limits/workspace.ts'
import type { Place } from '../runtime/context.ts'
import type { BeginMark } from './begin-mark.ts'
import { FOLDER_VARIABLE } from './own-folder.ts'
import { checkPassable } from './passable.ts'
import { permissionFlags } from './permissions.ts'

/**
 * `folder` is the environment's own. Throws what spawn throws when the system has no process or file descriptor left,
 * and FUNCTION_INIT_FAILED when it would not take the variables.
 */
export const spawnEnvironment = (spec: FunctionSpec, place: Place, mark: BeginMark, folder: string): ChildProcess => {
  const variables = { TMPDIR: temporaryIn(folder), ...environmentVariables(spec, place, process.env) }
  checkPassable(spec.name, variables)
  const cacheDir = spec.permissions ? undefined : compileCacheDir()
  return spawn(process.execPath, [...flagsOf(spec, folder), moduleBeside(import.meta.url, 'child')], {
    env: {
      ...variables,
      // Node reads the one before any module of ours, and the runtime the other; it removes both before any of the user's.
      ...(cacheDir === undefined ? {} : { NODE_COMPILE_CACHE: cacheDir }),
      [FOLDER_VARIABLE]: folder,
    },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', mark.fd],
  })
}

const flagsOf = ({ nodeOptions, permissions, code, memoryMb }: FunctionSpec, own: string): readonly string[] => [
  ...nodeOptions,
  ...(permissions && 'file' in code
    ? permissionFlags(permissions, { runtime: PACKAGE, code: foldersOf(code), own })
    : []),
  `--max-old-space-size=${heapMb(memoryMb)}`,
]

const PACKAGE = join(import.meta.dirname, '..', '..', '..')

const foldersOf = ({ file, root, layers }: ModuleCode): readonly string[] => [
  root ?? dirname(file),
  ...(layers ? [layers.folder, ...layers.sources] : []),
]
