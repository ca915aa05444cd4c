/** Keeps the folder of compiled code from growing for ever: modules that were moved or replaced leave theirs behind. */
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** A function with many packages has some hundreds. */
const MAX_FILES = 8_000

/**
 * Removes the oldest files below `dir` until half of `maxFiles` are left, where there are more. What is removed is compiled
 * once more if it is still used. Never rejects: others remove at the same time.
 */
export const sweepCompileCache = async (dir: string, maxFiles = MAX_FILES): Promise<void> => {
  const found = await readdir(dir, { recursive: true, withFileTypes: true }).catch(() => [])
  const files = found.filter(entry => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
  if (files.length <= maxFiles) return
  const aged: { readonly file: string; readonly mtimeMs: number }[] = []
  for (const file of files) {
    const known = await stat(file).catch(() => undefined)
    if (known) aged.push({ file, mtimeMs: known.mtimeMs })
  }
  aged.sort((one, other) => one.mtimeMs - other.mtimeMs)
  for (const { file } of aged.slice(0, aged.length - maxFiles / 2)) await rm(file, { force: true }).catch(() => {})
}
