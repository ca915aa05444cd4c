/** What a file or folder holds, as a hash, for versions. */
import { createHash, type Hash } from 'node:crypto'
import { readdirSync, readFileSync, readlinkSync, type Stats, statSync } from 'node:fs'
import { join } from 'node:path'

/** `own`: without what is installed or kept beside the code: node_modules, .git, .millrace, what Python compiles. */
export type Extent = 'all' | 'own'

const NOT_OWN: ReadonlySet<string> = new Set(['node_modules', '.git', '.millrace', '__pycache__'])

/**
 * Of every file below a path: its name and bytes. Undefined when there is nothing. Files that did not change since they
 * were last asked about, by size and time, are not read again.
 */
export const contentHash = (path: string, extent: Extent): string | undefined => {
  const found = statOf(path)
  if (!found) return undefined
  if (!found.isDirectory()) return fileHash(path, found)
  const hash = createHash('sha256')
  addFolder(hash, path, extent)
  return hash.digest('hex')
}

const addFolder = (hash: Hash, folder: string, extent: Extent): void => {
  const entries = readdirSync(folder, { withFileTypes: true }).sort((one, other) => (one.name < other.name ? -1 : 1))
  for (const entry of entries) {
    if (extent === 'own' && NOT_OWN.has(entry.name)) continue
    const path = join(folder, entry.name)
    hash.update(`${JSON.stringify(entry.name)}:`)
    if (entry.isDirectory()) {
      hash.update('{')
      addFolder(hash, path, extent)
      hash.update('}')
    } else if (entry.isSymbolicLink()) hash.update(JSON.stringify(readlinkSync(path)))
    else if (entry.isFile()) hash.update(fileHash(path, statSync(path)))
  }
}

const known = new Map<string, { readonly stamp: string; readonly hash: string }>()

const fileHash = (path: string, { size, mtimeMs, ctimeMs, ino }: Stats): string => {
  const stamp = [size, mtimeMs, ctimeMs, ino].join(' ')
  const before = known.get(path)
  if (before?.stamp === stamp) return before.hash
  const hash = createHash('sha256').update(readFileSync(path)).digest('hex')
  known.set(path, { stamp, hash })
  return hash
}

const statOf = (path: string): Stats | undefined => statSync(path, { throwIfNoEntry: false })
