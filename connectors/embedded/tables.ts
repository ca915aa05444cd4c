/**
 * The tables of the embedded broker. A channel has a table of records of its own, so that a queue fills and empties
 * at the ends of one tree; everything else about it is a few narrow rows.
 *
 *   records      0 1 2 3 4 5 6 7 8 9        bodies, written once, never rewritten
 *   reader           cursor ┘               everything from here on was never claimed
 *   claims       [1–2] [4–5]                runs of records that a member holds
 *   waiting      3                          given back, deferred, or sent with a delay: ready when due
 */
import type { ChannelRef } from '../../core/contract.ts'
import type { Database } from '../../core/database.ts'
import { MillraceError } from '../../core/errors.ts'

export type ChannelType = 'queue' | 'topic' | 'stream'

/** A channel as the database knows it. */
export interface Channel {
  readonly number: number
  readonly type: ChannelType
  readonly name: string
  readonly address: string
  /** Chosen when the channel was made: part of generated ids, so that a deleted state folder does not repeat them. */
  readonly uid: string
  /** 1 unless it is a stream. */
  readonly partitions: number
  /** The name of its table of records. */
  readonly records: string
}

/**
 * A record's number is its partition and its offset in it: 1,024 partitions of 8.8 trillion records keep within the
 * integers that JavaScript holds exactly, and a partition lies together on disk.
 */
export const PARTITION_SPAN = 2 ** 43
export const MAX_PARTITIONS = 1_024
const DEFAULT_PARTITIONS = 8

const MIGRATIONS: readonly string[] = [
  `CREATE TABLE embedded_channels (
     number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, type TEXT NOT NULL, uid TEXT NOT NULL,
     partitions INTEGER NOT NULL);
   CREATE TABLE embedded_logs (
     channel INTEGER NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL, bytes INTEGER NOT NULL,
     PRIMARY KEY (channel, partition)) WITHOUT ROWID;
   CREATE TABLE embedded_readers (
     number INTEGER PRIMARY KEY, channel INTEGER NOT NULL, name TEXT NOT NULL, cursor INTEGER NOT NULL,
     UNIQUE (channel, name));
   CREATE TABLE embedded_members (
     number INTEGER PRIMARY KEY AUTOINCREMENT, reader INTEGER NOT NULL, owner TEXT NOT NULL, beat INTEGER NOT NULL);
   CREATE INDEX embedded_members_of ON embedded_members (reader);
   CREATE TABLE embedded_waiting (
     reader INTEGER NOT NULL, due INTEGER NOT NULL, id INTEGER NOT NULL, attempts INTEGER NOT NULL,
     prior INTEGER NOT NULL, seen INTEGER NOT NULL, PRIMARY KEY (reader, due, id)) WITHOUT ROWID;
   CREATE TABLE embedded_claims (
     reader INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, member INTEGER NOT NULL,
     attempts INTEGER NOT NULL, prior INTEGER NOT NULL, seen INTEGER NOT NULL,
     PRIMARY KEY (reader, first)) WITHOUT ROWID;
   CREATE TABLE embedded_lanes (
     reader INTEGER NOT NULL, partition INTEGER NOT NULL, member INTEGER, fence INTEGER NOT NULL,
     committed INTEGER NOT NULL, claimed INTEGER NOT NULL, finished TEXT NOT NULL, notes TEXT NOT NULL,
     seen INTEGER NOT NULL, gaps INTEGER NOT NULL, PRIMARY KEY (reader, partition)) WITHOUT ROWID`,
]

export const migrateTables = (database: Database): void => database.migrate('embedded', MIGRATIONS)

interface ChannelRow {
  readonly number: number
  readonly type: string
  readonly uid: string
  readonly partitions: number
}

/** Finds the channel, or makes it. Rejects, fatally, when it exists as something else. `uid` names it if it is new. */
export const openChannel = async (database: Database, ref: ChannelRef, uid: string): Promise<Channel> => {
  const type = channelType(ref)
  const partitions = partitionsOf(ref, type)
  const row = findChannel(database, ref) ?? (await database.write(() => makeChannel(database, ref, uid, partitions)))
  if (row.type !== type) throw otherType(ref, row.type)
  if (row.partitions > partitions) throw fewerPartitions(ref, row.partitions, partitions)
  if (row.partitions < partitions) await database.write(() => addPartitions(database, row, partitions))
  return {
    number: row.number,
    type,
    name: ref.name,
    address: ref.address,
    uid: row.uid,
    partitions,
    records: recordsTable(row.number),
  }
}

const recordsTable = (number: number): string => `embedded_records_${number}`

const findChannel = (database: Database, ref: ChannelRef): ChannelRow | undefined =>
  database.read(
    () =>
      database.sql('SELECT number, type, uid, partitions FROM embedded_channels WHERE name = ?').get(ref.name) as
        | ChannelRow
        | undefined,
  )

const makeChannel = (database: Database, ref: ChannelRef, uid: string, partitions: number): ChannelRow => {
  const found = findChannel(database, ref)
  if (found) return found
  const { lastInsertRowid } = database
    .sql('INSERT INTO embedded_channels (name, type, uid, partitions) VALUES (?, ?, ?, 0)')
    .run(ref.name, ref.type, uid)
  const row = { number: Number(lastInsertRowid), type: ref.type, uid, partitions: 0 }
  const table = recordsTable(row.number)
  database
    .sql(
      `CREATE TABLE ${table} (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, due INTEGER, time INTEGER, record_id TEXT,
         key, headers TEXT, properties TEXT, body BLOB)`,
    )
    .run()
  database.sql(`CREATE INDEX ${table}_delayed ON ${table} (id) WHERE due IS NOT NULL`).run()
  addPartitions(database, row, partitions)
  if (ref.type === 'queue') addReader(database, row.number, QUEUE_READER, 0)
  return { ...row, partitions }
}

/** A queue has one reader, whatever the groups of its mappings are called: they compete. */
export const QUEUE_READER = ''

export const addReader = (database: Database, channel: number, name: string, cursor: number): number =>
  Number(
    database.sql('INSERT INTO embedded_readers (channel, name, cursor) VALUES (?, ?, ?)').run(channel, name, cursor)
      .lastInsertRowid,
  )

/** Readers that exist begin at the start of what was added: nothing of it may be missed. */
const addPartitions = (database: Database, row: ChannelRow, partitions: number): void => {
  for (let partition = row.partitions; partition < partitions; partition += 1) {
    database
      .sql('INSERT OR IGNORE INTO embedded_logs (channel, partition, next, bytes) VALUES (?, ?, 0, 0)')
      .run(row.number, partition)
    if (row.type === 'stream')
      database
        .sql(
          `INSERT OR IGNORE INTO embedded_lanes (${LANE_COLUMNS})
           SELECT number, ?, NULL, 0, 0, 0, '', '', 0, 0 FROM embedded_readers WHERE channel = ?`,
        )
        .run(partition, row.number)
  }
  database
    .sql('UPDATE embedded_channels SET partitions = max(partitions, ?) WHERE number = ?')
    .run(partitions, row.number)
}

export const LANE_COLUMNS = 'reader, partition, member, fence, committed, claimed, finished, notes, seen, gaps'

const channelType = (ref: ChannelRef): ChannelType => {
  if (ref.type === 'queue' || ref.type === 'topic' || ref.type === 'stream') return ref.type
  throw new MillraceError(
    'SOURCE_FATAL',
    `${ref.address} must be a queue, topic or stream on an embedded connection, got ${ref.type}`,
    { fatal: true },
  )
}

const partitionsOf = (ref: ChannelRef, type: ChannelType): number => {
  if (type !== 'stream') return 1
  const partitions = Number(ref.options.partitions ?? DEFAULT_PARTITIONS)
  if (Number.isInteger(partitions) && partitions >= 1 && partitions <= MAX_PARTITIONS) return partitions
  throw new MillraceError(
    'SOURCE_FATAL',
    `${ref.address}: partitions must be a whole number between 1 and ${MAX_PARTITIONS}, got ${partitions}`,
    { fatal: true },
  )
}

const otherType = (ref: ChannelRef, type: string): MillraceError =>
  new MillraceError(
    'SOURCE_FATAL',
    `${ref.address} is opened as a ${ref.type}, but the state folder has a ${type} of that name; use another name`,
    { fatal: true },
  )

const fewerPartitions = (ref: ChannelRef, has: number, wanted: number): MillraceError =>
  new MillraceError(
    'SOURCE_FATAL',
    `${ref.address}: partitions cannot be reduced, expected at least ${has}, got ${wanted}; keep ${has} or use another name`,
    { fatal: true },
  )
