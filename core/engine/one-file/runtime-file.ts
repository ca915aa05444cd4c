/**
 * The file that an environment starts with: the launcher of the runtime as one (launch.ts), where there is one or it can be made; otherwise
 * its modules as they are, which costs time and nothing else.
 *
 *   published   child.cjs beside child.js, made by the build
 *   sources     a file named by what is in the modules, made once in the folder of compiled code
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join, parse } from 'node:path'
import { compileCacheDir } from '../hosting/compile-cache.ts'
import { moduleBeside } from '../hosting/start.ts'
import { codeBeside, launcherFor } from './launch.ts'
import { reachedFrom } from './link.ts'

const known = new Map<string, string>()

/** Of the module called `name` beside the one at `url`. `readable: 'package'`: only what lies in Millrace's own folder. */
export const runtimeFile = (url: string, name: string, readable: 'any' | 'package'): string => {
  const entry = moduleBeside(url, name)
  const key = `${readable} ${entry}`
  const found = known.get(key)
  // Temporary files are swept on some systems while an app runs for weeks.
  if (found !== undefined && (!found.endsWith('.cjs') || isThere(found))) return found
  const file = find(entry, readable)
  known.set(key, file)
  return file
}

const isThere = (launcher: string): boolean =>
  [launcher, codeBeside(launcher)].every(path => statSync(path, { throwIfNoEntry: false }) !== undefined)

const find = (entry: string, readable: 'any' | 'package'): string => {
  const built = entry.replace(/\.[jt]s$/, '.cjs')
  if (existsSync(built)) return built
  const dir = readable === 'any' ? compileCacheDir() : undefined
  return entry.endsWith('.ts') && dir !== undefined ? madeOf(entry, dir) : entry
}

const HASH_CHARS = 16

const madeOf = (entry: string, dir: string): string => {
  try {
    const hash = createHash('sha256').update(`${process.version} ${launcherFor('', '')}`)
    for (const { path, text } of reachedFrom(entry, path => readFileSync(path, 'utf8'))) hash.update(`${path}:${text};`)
    const file = join(dir, `${parse(entry).name}-${hash.digest('hex').slice(0, HASH_CHARS)}.cjs`)
    if (!isThere(file)) execFileSync(process.execPath, [moduleBeside(import.meta.url, 'link-main'), entry, file], QUIET)
    return file
  } catch {
    // No room for it, or a module that the linker does not take, which a test would have told.
    return entry
  }
}

const QUIET = { stdio: 'ignore', env: {} } as const
