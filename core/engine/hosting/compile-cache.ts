/** Where compiled code is kept between starts of environments: an import that was seen before costs half. */
import { lstatSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sweepCompileCache } from './compile-cache-sweep.ts'

const OTHERS_MAY_WRITE = 0o022

/**
 * A folder that only this user can write to, since code is read from it; undefined where there can be none, which costs
 * time and nothing else.
 */
export const compileCacheDir = (): string | undefined => {
  if (!known) {
    known = { dir: prepare() }
    if (known.dir !== undefined) void sweepCompileCache(known.dir)
  }
  return known.dir
}

let known: { readonly dir: string | undefined } | undefined

const prepare = (): string | undefined => {
  const user = process.getuid?.() ?? 'user'
  const dir = join(tmpdir(), `millrace-compile-cache-${user}`)
  try {
    mkdirSync(dir, { mode: 0o700, recursive: true })
    const found = lstatSync(dir)
    const ours = user === 'user' || (found.uid === user && (found.mode & OTHERS_MAY_WRITE) === 0)
    return found.isDirectory() && ours ? dir : undefined
  } catch {
    // No writable temp folder: environments start without a cache.
    return undefined
  }
}
