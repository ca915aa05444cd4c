/** What a function may do, as Node's permission flags. A guard rail against slips, not a sandbox; the network stays open. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Permissions } from '../contract.ts'

export interface PermissionPlaces {
  /** The folder of Millrace itself, whose modules are the runtime. */
  readonly runtime: string
  /** The folders of the function's code and its layers. */
  readonly code: readonly string[]
  /** The environment's own folder. */
  readonly own: string
}

/**
 * What the function needs to be loaded at all is allowed unasked: reading its own folder, the runtime, and the packages
 * that either can import; its own folder of the environment may be written too. The compile cache may not: code is read
 * from it, so such functions are loaded without one.
 */
export const permissionFlags = (
  permissions: Permissions,
  { runtime, code, own }: PermissionPlaces,
  known: ReadonlySet<string> = process.allowedNodeEnvironmentFlags,
): readonly string[] => [
  '--permission',
  ...[runtime, ...code, own, ...[runtime, ...code].flatMap(packagesAbove), ...permissions.read].map(
    path => `--allow-fs-read=${path}`,
  ),
  ...[own, ...permissions.write].map(path => `--allow-fs-write=${path}`),
  ...(permissions.childProcesses ? ['--allow-child-process'] : []),
  ...(permissions.workers ? ['--allow-worker'] : []),
  ...(permissions.addons ? ['--allow-addons'] : []),
  // Later versions of Node refuse it otherwise; the same function does the same on all of them.
  ...(known.has('--allow-net') ? ['--allow-net'] : []),
]

/** Every node_modules that modules in this folder can import from. */
const packagesAbove = (folder: string): readonly string[] => {
  const found: string[] = []
  for (let at = folder; ; at = dirname(at)) {
    const packages = join(at, 'node_modules')
    if (existsSync(packages)) found.push(packages)
    if (dirname(at) === at) return found
  }
}
