/**
 * A folder for each environment, and in it the one for temporary files. Both are empty when it starts and gone with it.
 *
 *   <tmp>/millrace-<user>/<app>-XXXXXX/      one for each engine; `.owner` says whose it is
 *     └─ 7/  tmp/                            one for each environment; short, for the sake of sockets in it
 */
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isAlive, ownerFromText, ownerToText, thisProcess } from '../../owner.ts'

/** Told of what is to be removed if this process should be killed. */
export interface Keeper {
  keep(kind: 'cgroup' | 'folder', path: string): void
  release(path: string): void
}

export interface Workspace {
  /** Where it has no room, the next `make` says so. */
  prepare(): void
  /** A new folder. Throws what the file system throws when it has no room. */
  make(): string
  /** With all that is in it; rejects when something cannot be removed. */
  remove(folder: string): Promise<void>
  close(): void
}

/** The folder for temporary files in a folder that was made here. */
export const temporaryIn = (folder: string): string => join(folder, 'tmp')

const OWNER = '.owner'
const APP_CHARS = 20
const OTHERS_MAY_WRITE = 0o022

export const openWorkspace = (app: string, keeper: Keeper): Workspace => {
  let root: string | undefined
  let made = 0
  const open = (): string => {
    const shared = privateFolder()
    if (shared !== undefined) removeLeftFolders(shared)
    const opened = mkdtempSync(join(shared ?? tmpdir(), `${app.slice(0, APP_CHARS)}-`))
    writeFileSync(join(opened, OWNER), ownerToText(thisProcess()))
    keeper.keep('folder', opened)
    return opened
  }
  return {
    prepare() {
      try {
        root ??= open()
      } catch {
        // Nobody needs it yet.
      }
    },
    make() {
      root ??= open()
      made += 1
      const folder = join(root, String(made))
      mkdirSync(temporaryIn(folder), { recursive: true })
      return folder
    },
    remove: folder => rm(folder, { recursive: true, force: true, maxRetries: 3 }),
    close() {
      if (root === undefined) return
      rmSync(root, { recursive: true, force: true })
      keeper.release(root)
      root = undefined
    },
  }
}

/** The folder of this user; undefined where somebody else has put theirs in its place. */
const privateFolder = (): string | undefined => {
  const user = process.getuid?.() ?? 'user'
  const folder = join(tmpdir(), `millrace-${user}`)
  try {
    mkdirSync(folder, { mode: 0o700, recursive: true })
    const found = lstatSync(folder)
    const ours = user === 'user' || (found.uid === user && (found.mode & OTHERS_MAY_WRITE) === 0)
    return found.isDirectory() && ours ? folder : undefined
  } catch {
    return undefined
  }
}

/** What processes left behind that have certainly ended. */
const removeLeftFolders = (shared: string): void => {
  for (const name of readdirSync(shared)) {
    const owner = ownerFromText(readOr(join(shared, name, OWNER)))
    if (owner && !isAlive(owner)) rmSync(join(shared, name), { recursive: true, force: true })
  }
}

const readOr = (file: string): string => {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    // Just made, or just removed: somebody's who lives.
    return ''
  }
}
