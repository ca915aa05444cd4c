/**
 * The index and the changes as rows. The index is what a group knows of each file; a change is written in the transaction
 * that puts it right, so none is lost and none is told twice:
 *
 *   looked at ──differs from the index──▶ change ──▶ claimed by a member ──▶ done: the row is gone
 *                                            ▲            │                └──▶ moving ──▶ gone, from the index as well
 *                                            └────────────┘ given back, put off, or the member's process died
 */
import type { Database } from '../../core/database.ts'
import { membersIn } from '../../core/members.ts'
import type { Happened } from './channel.ts'

export const members = membersIn('files_members')

const MIGRATIONS: readonly string[] = [
  `CREATE TABLE files_readers (
     number INTEGER PRIMARY KEY, channel TEXT NOT NULL, folder TEXT NOT NULL, reader TEXT NOT NULL,
     begun INTEGER NOT NULL, UNIQUE (channel, folder, reader));
   ${members.create};
   CREATE TABLE files_index (
     reader INTEGER NOT NULL, path BLOB NOT NULL, size INTEGER NOT NULL, mtime REAL NOT NULL, etag TEXT NOT NULL,
     PRIMARY KEY (reader, path)) WITHOUT ROWID;
   CREATE TABLE files_changes (
     number INTEGER PRIMARY KEY AUTOINCREMENT, reader INTEGER NOT NULL, path BLOB NOT NULL, event TEXT NOT NULL,
     size INTEGER, mtime REAL, etag TEXT, time INTEGER NOT NULL, due INTEGER NOT NULL, member INTEGER,
     attempts INTEGER NOT NULL, prior INTEGER NOT NULL, seen INTEGER NOT NULL, move TEXT);
   CREATE INDEX files_changes_path ON files_changes (reader, path, number);
   CREATE INDEX files_changes_due ON files_changes (reader, number) WHERE member IS NULL AND move IS NULL`,
]

export const migrateTables = (database: Database): void => database.migrate('files', MIGRATIONS)

export interface ReaderRow {
  readonly number: number
  /** Whether the folder was looked through once: 1 from then on. */
  readonly begun: number
}

/** Finds or makes it. Runs inside a transaction. */
export const openReader = (
  database: Database,
  { channel, folder, reader }: { readonly channel: string; readonly folder: string; readonly reader: string },
): ReaderRow =>
  database
    .sql(
      `INSERT INTO files_readers (channel, folder, reader, begun) VALUES (?, ?, ?, 0)
       ON CONFLICT (channel, folder, reader) DO UPDATE SET begun = begun RETURNING number, begun`,
    )
    .get(channel, folder, reader) as unknown as ReaderRow

export const markBegun = (database: Database, reader: number): void =>
  void database.sql('UPDATE files_readers SET begun = 1 WHERE number = ?').run(reader)

export interface ChangeRow {
  readonly number: number
  readonly path: Uint8Array
  readonly event: Happened
  readonly size: number | null
  /** Milliseconds since the epoch, with a fraction. */
  readonly mtime: number | null
  readonly etag: string | null
  /** When it was noticed; of a file that is there, when it was written. */
  readonly time: number
}

/** A file as it was found; `gone` where it was not. */
export type Observed =
  | {
      readonly path: Uint8Array
      readonly state: 'there'
      readonly size: number
      readonly mtime: number
      readonly etag: string
    }
  | { readonly path: Uint8Array; readonly state: 'gone' }

export interface IndexRow {
  readonly path: Uint8Array
  readonly size: number
  readonly mtime: number
  readonly etag: string
}

export const indexed = (database: Database, reader: number, path: Uint8Array): IndexRow | undefined =>
  database
    .sql('SELECT path, size, mtime, etag FROM files_index WHERE reader = ? AND path = ?')
    .get(reader, path) as unknown as IndexRow | undefined

/** Of all files below a folder; of an empty path, of all. */
export const indexedBelow = (database: Database, reader: number, folder: Buffer): readonly IndexRow[] => {
  const rows =
    folder.length === 0
      ? database.sql('SELECT path, size, mtime, etag FROM files_index WHERE reader = ?').all(reader)
      : database
          .sql('SELECT path, size, mtime, etag FROM files_index WHERE reader = ? AND path > ? AND path < ?')
          // What begins with the folder and a slash stands between these: 0 is what comes after a slash.
          .all(reader, Buffer.concat([folder, Buffer.from('/')]), Buffer.concat([folder, Buffer.from('0')]))
  return rows as unknown as readonly IndexRow[]
}
