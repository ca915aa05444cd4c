/**
 * Bodies too large for a row, as files beside the database.
 *
 *   kept: written under another name ▶ synced ▶ renamed ▶ folder synced ▶ the row that names it
 *   gone: the row ▶ the file
 *
 * A crash in between leaves a file that no row names, never a row without its file; such files are swept when the store
 * is opened.
 */
import { randomUUID } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { MillraceError, wrapError } from '../../core/errors.ts'
import type { BodyStore } from '../sql/room.ts'

/** Half of what SQLite keeps in a row without trouble, and far above what most records are. */
export const LARGE_BYTES = 1_048_576

/** A body may have been written by a process whose row is not there yet. */
const SWEEP_AFTER_MS = 3_600_000

export interface FileBodies extends BodyStore {
  /** Removes files that no row names, and that are old enough for that to be certain; answers how many. */
  sweep(isNamed: (name: string) => boolean, now: number): number
}

/** In the folder `dead-letters` beside the database, which is made with the first large body. */
export const fileBodies = (stateDir: string): FileBodies => {
  const folder = join(stateDir, 'dead-letters')
  const pathOf = (name: string): string => join(folder, name)
  const unusable = (name: string, error: unknown) =>
    wrapError('STATE_UNAVAILABLE', `${pathOf(name)} cannot be used; free space or mend its permissions`, error)
  return {
    keep(body) {
      if (body.byteLength < LARGE_BYTES) return undefined
      const name = `${randomUUID()}.body`
      try {
        mkdirSync(folder, { recursive: true, mode: 0o700 })
        writeSynced(`${pathOf(name)}.part`, body)
        renameSync(`${pathOf(name)}.part`, pathOf(name))
        syncFolder(folder)
      } catch (error) {
        rmSync(`${pathOf(name)}.part`, { force: true })
        throw unusable(name, error)
      }
      return name
    },
    read(name) {
      try {
        return new Uint8Array(readFileSync(pathOf(name)))
      } catch (error) {
        if ((error as { code?: unknown }).code !== 'ENOENT') throw unusable(name, error)
        throw new MillraceError('DEAD_LETTER_UNREADABLE', `the body of the dead letter, ${pathOf(name)}, is gone`)
      }
    },
    remove(names) {
      for (const name of names) rmSync(pathOf(name), { force: true })
    },
    sweep(isNamed, now) {
      const stale = filesIn(folder).filter(
        name => !isNamed(name) && now - statSync(pathOf(name)).mtimeMs > SWEEP_AFTER_MS,
      )
      for (const name of stale) rmSync(pathOf(name), { force: true })
      return stale.length
    },
  }
}

/** A database in memory has no folder: everything is a row. */
export const noFiles: BodyStore = {
  keep: () => undefined,
  read: name => {
    throw new Error(`no body is kept as the file ${name}`)
  },
  remove: () => {},
}

const writeSynced = (path: string, body: Uint8Array): void => {
  const file = openSync(path, 'wx', 0o600)
  try {
    let written = 0
    while (written < body.byteLength) written += writeSync(file, body, written)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

const syncFolder = (folder: string): void => {
  const opened = openSync(folder, 'r')
  try {
    fsyncSync(opened)
  } finally {
    closeSync(opened)
  }
}

const filesIn = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
