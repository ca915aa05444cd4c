/**
 * Zips unpacked once for all processes that share a state folder, each by the hash of its bytes:
 *
 *   packages/<hash>/           the content, complete: it is renamed to this name
 *   packages/<hash>.used/…     a file for each app that uses it, which names its process; the folder's time says when that last changed
 *   packages/.<…>.part/        being made, or left behind by a crash
 *   packages/package.json      empty: without it, what is above would say whether a function's .js files are modules
 */
import { createHash, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Clock } from '../../clock.ts'
import { errorInfo, MillraceError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import { isAlive, ownerFromText, ownerToText, thisProcess } from '../../owner.ts'
import { type Archive, type ArchiveFile, type ArchiveLimits, openArchive, verifyArchive } from './archive.ts'

export interface PackageCache {
  /** Where a zip's content lies. Rejects with FUNCTION_NOT_FOUND, FUNCTION_PACKAGE_INVALID or STATE_UNAVAILABLE. */
  unpack(zip: string, limits: ArchiveLimits): Promise<Unpacked>
  /** The folder that `make` fills, the first time anybody asks for this key. */
  folderOf(key: string, make: (folder: string) => Promise<void>): Promise<string>
  /** Gives up what this process uses, and removes what nobody has used for a day. */
  close(): Promise<void>
}

export interface Unpacked {
  readonly folder: string
  readonly hash: string
  readonly bytes: number
}

export interface CacheParts {
  /** `packages` of the state folder. */
  readonly folder: string
  readonly clock: Pick<Clock, 'now'>
  readonly log: Log
}

/** A version that was rolled back to, or an app that is restarted, finds its package there. */
export const KEPT_UNUSED_MS = 24 * 3_600_000
/** Nothing takes so long to be made. */
const PART_MS = 3_600_000
const PART = '.part'
const BOUNDARY = 'package.json'
const HASH_CHARS = 40

export const createPackageCache = ({ folder, clock, log }: CacheParts): PackageCache => {
  const making = new Map<string, Promise<string>>()
  const used = new Set<string>()
  /** A process may have several apps, each with a cache on the same folder. */
  const claimName = randomUUID()
  const partPath = (): string => join(folder, `.${randomUUID()}${PART}`)

  const folderOf: PackageCache['folderOf'] = (key, make) => {
    const known = making.get(key)
    if (known) return known
    const made = makeOnce(key, make)
    making.set(key, made)
    // What failed, or was removed later, is made again by the next who asks.
    made.then(
      () => making.delete(key),
      () => making.delete(key),
    )
    return made
  }
  const makeOnce = async (key: string, make: (folder: string) => Promise<void>): Promise<string> => {
    const final = join(folder, key)
    try {
      await claim(key)
      if (!existsSync(final)) await makeAndRename(final, make)
      return final
    } catch (thrown) {
      if (thrown instanceof MillraceError) throw thrown
      throw new MillraceError('STATE_UNAVAILABLE', `${final} cannot be written: ${errorInfo(thrown).message}`, {
        cause: thrown,
      })
    }
  }
  const makeAndRename = async (final: string, make: (folder: string) => Promise<void>): Promise<void> => {
    const part = partPath()
    try {
      await mkdir(part)
      await make(part)
      await rename(part, final)
    } catch (thrown) {
      await rm(part, { recursive: true, force: true })
      // Another process was faster: what it made is the same.
      if (!existsSync(final)) throw thrown
    }
  }
  const claim = async (key: string): Promise<void> => {
    const users = join(folder, `${key}.used`)
    await mkdir(users, { recursive: true })
    await writeFile(join(folder, BOUNDARY), '{}')
    await writeFile(join(users, claimName), ownerToText(thisProcess()))
    used.add(key)
  }

  const sweep = async (): Promise<void> => {
    const names = await readdir(folder).catch(() => [])
    const parts = names.filter(name => name.endsWith(PART))
    for (const part of parts) await removeOld(join(folder, part), PART_MS)
    const kept = names.filter(name => !name.endsWith(PART) && name !== BOUNDARY)
    const keys = new Set(kept.map(name => name.replace(/\.used$/, '')))
    for (const key of keys) await removeUnused(join(folder, key))
  }
  const removeUnused = async (path: string): Promise<void> => {
    if (await isUsed(path)) return
    const part = partPath()
    if (existsSync(path)) await rename(path, part)
    // A process that claimed it in this moment gets it back; what it imports meanwhile fails, and is tried again.
    if ((await isUsed(path)) && !existsSync(path)) await rename(part, path)
    else await Promise.all([part, `${path}.used`].map(each => rm(each, { recursive: true, force: true })))
  }
  const isUsed = async (path: string): Promise<boolean> => {
    const users = `${path}.used`
    const claims = await readdir(users).catch(() => [])
    const owners = await Promise.all(claims.map(id => readFile(join(users, id), 'utf8').catch(() => '')))
    if (owners.some(text => isOwnerAlive(text))) return true
    return !(await isOlder(users, KEPT_UNUSED_MS))
  }
  const removeOld = async (path: string, ageMs: number): Promise<void> => {
    if (await isOlder(path, ageMs)) await rm(path, { recursive: true, force: true })
  }
  const isOlder = async (path: string, ageMs: number): Promise<boolean> => {
    const found = await stat(path).catch(() => undefined)
    return found === undefined || clock.now() - found.mtimeMs > ageMs
  }

  return {
    async unpack(path, limits) {
      const zip = await readZip(path, limits)
      const archive = await openArchive(path, zip, limits)
      const hash = createHash('sha256').update(zip).digest('hex').slice(0, HASH_CHARS)
      // Before anything is written, the mark that it is used included.
      if (!existsSync(join(folder, hash))) await verifyArchive(archive)
      const unpacked = await folderOf(hash, part => writeArchive(archive, part))
      return { folder: unpacked, hash, bytes: archive.bytes }
    },
    folderOf,
    async close() {
      for (const key of used) {
        await rm(join(folder, `${key}.used`, claimName), { force: true })
        const now = clock.now() / 1_000
        await utimes(join(folder, `${key}.used`), now, now).catch(() => {})
      }
      used.clear()
      await sweep().catch(error => log.warn('unpacked functions that nobody uses could not be removed', { error }))
    },
  }
}

/** Where there is no state folder. */
export const noPackageCache: PackageCache = {
  unpack: async zip => {
    throw new MillraceError('STATE_UNAVAILABLE', `${zip} cannot be unpacked: there is no state folder to unpack it in`)
  },
  folderOf: async () => {
    throw new MillraceError('STATE_UNAVAILABLE', 'layers cannot be merged: there is no state folder to do it in')
  },
  close: async () => {},
}

const isOwnerAlive = (text: string): boolean => {
  const owner = ownerFromText(text)
  return owner !== undefined && isAlive(owner)
}

const readZip = async (path: string, { maxBytes, taken }: ArchiveLimits): Promise<Buffer> => {
  const found = await stat(path).catch(() => undefined)
  if (!found) throw new MillraceError('FUNCTION_NOT_FOUND', `${path} does not exist; create it, or correct the path`)
  if (found.size > maxBytes - taken)
    throw new MillraceError(
      'FUNCTION_PACKAGE_INVALID',
      `${path} has ${found.size} bytes, more than is left of the ${maxBytes} it may come to unpacked (maxPackage). Nothing of it was written`,
    )
  return readFile(path)
}

const EXECUTABLE = 0o111
const MODE = { plain: 0o644, executable: 0o755 } as const

const writeArchive = async ({ files, folders }: Archive, to: string): Promise<void> => {
  const made = new Set<string>()
  const makeFolder = async (path: string): Promise<void> => {
    if (made.has(path)) return
    await mkdir(path, { recursive: true })
    made.add(path)
  }
  for (const name of folders) await makeFolder(join(to, name))
  for (const file of files) {
    const path = join(to, file.name)
    await makeFolder(dirname(path))
    await writeFile(path, await file.read(), { flag: 'wx', mode: modeOf(file) })
  }
}

/** Of the mode only whether it may be executed: nobody's setuid, nothing that others can write. */
const modeOf = ({ mode }: ArchiveFile): number => ((mode & EXECUTABLE) === 0 ? MODE.plain : MODE.executable)
