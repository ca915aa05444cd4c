/** Files that are done with go where they were to go. What has to be moved stands in a row until it was. */
import { copyFile, mkdir, rename, unlink } from 'node:fs/promises'
import type { Database } from '../../core/database.ts'
import { errorInfo } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { joined, look } from './disk.ts'

export interface Destinations {
  /** Absolute. */
  readonly done: string | undefined
  readonly failed: string | undefined
}

interface MoveRow {
  readonly number: number
  readonly path: Uint8Array
  readonly size: number
  readonly mtime: number
  readonly move: 'done' | 'failed'
}

export interface Moving {
  readonly root: Buffer
  readonly destinations: Destinations
  readonly database: Database
  readonly reader: number
  readonly log: Log
}

/** Answers with the paths of files that have changed since, so that they stayed. Never rejects: the next call goes on. */
export const finishMoves = async (moving: Moving): Promise<readonly Buffer[]> => {
  const { database, reader, log } = moving
  const stayed: Buffer[] = []
  try {
    const rows = database.read(() =>
      database
        .sql('SELECT number, path, size, mtime, move FROM files_changes WHERE reader = ? AND move IS NOT NULL')
        .all(reader),
    ) as unknown as readonly MoveRow[]
    for (const row of rows) {
      const path = Buffer.from(row.path)
      const moved = await move(moving, row, path).catch(error => {
        log.warn('a file could not be moved; it is tried again', { path: path.toString(), error: errorInfo(error) })
        return 'not yet' as const
      })
      if (moved === 'not yet') continue
      if (moved === 'stays') stayed.push(path)
      await database.write(() => {
        if (moved === 'moved')
          database.sql('DELETE FROM files_index WHERE reader = ? AND path = ?').run(reader, row.path)
        database.sql('DELETE FROM files_changes WHERE number = ?').run(row.number)
      })
    }
  } catch (error) {
    log.warn('files that are done with could not be moved; it is tried again', { error: errorInfo(error) })
  }
  return stayed
}

const move = async (
  { root, destinations }: Moving,
  { number, size, mtime, move: where }: MoveRow,
  path: Buffer,
): Promise<'moved' | 'stays'> => {
  const to = destinations[where]
  const sight = await look(root, path)
  if (to === undefined) return 'stays'
  // Whoever settled it may have died between moving and saying so.
  if (sight.is === 'gone') return 'moved'
  if (sight.is !== 'file' || sight.found.size !== size || sight.found.mtime !== mtime) return 'stays'
  const from = joined(root, path)
  const wanted = joined(Buffer.from(to), path)
  await mkdir(wanted.subarray(0, wanted.lastIndexOf('/')), { recursive: true })
  const isTaken = (await look(wanted, Buffer.alloc(0))).is !== 'gone'
  const target = isTaken ? Buffer.concat([wanted, Buffer.from(`.${number}`)]) : wanted
  try {
    await rename(from, target)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error
    await copyFile(from, target)
    await unlink(from)
  }
  return 'moved'
}
