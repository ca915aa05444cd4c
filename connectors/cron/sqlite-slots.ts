/** Slots in the database of the state folder, shared by the processes of one machine: a dead one's claims are free at once. */
import type { Database } from '../../core/database.ts'
import { openDatabase } from '../../core/database.ts'
import type { SlotStore, Slots } from '../../core/slots.ts'
import { peek, settle, take, unfinished } from './claims.ts'
import { dismiss, members } from './members.ts'
import { enterSlots, migrateTables, openReader } from './tables.ts'

const LOOK_EVERY_MS = 200

export const openSqliteSlots = (stateDir: string): SlotStore => {
  const database = openDatabase(stateDir)
  migrateTables(database)
  return {
    where: database.path,
    async open(reader, nowMs) {
      const opened = await database.write(() => {
        const row = openReader(database, reader, nowMs)
        dismissGone(database, row.number, nowMs)
        return { reader: row.number, member: members.join(database, row.number, nowMs) }
      })
      return slotsOf(database, opened.reader, opened.member)
    },
    close: () => database.close(),
  }
}

const slotsOf = (database: Database, reader: number, joined: number): Slots => {
  let member = joined
  return {
    lookEveryMs: LOOK_EVERY_MS,
    async look(nowMs) {
      const { last, ready, others } = database.read(() => peek(database, reader, member, nowMs))
      return { lastMs: last, ready, others }
    },
    enter: entering => database.claim(() => enterSlots(database, reader, entering)),
    async take(want) {
      const turn = await database.claim(() => {
        const own = members.isMember(database, member) ? member : members.join(database, reader, want.nowMs)
        dismissGone(database, reader, want.nowMs)
        return { own, taken: take(database, { reader, member: own, overlap: want.overlap }, want) }
      })
      member = turn.own
      return { member: String(member), taken: turn.taken }
    },
    settle: verdicts => database.write(() => verdicts.map(verdict => settle(database, reader, verdict))),
    beat: async nowMs => void (await database.claim(() => members.beat(database, member, nowMs))),
    unfinished: async () => ({ ...database.read(() => unfinished(database, reader)) }),
    leave: () => database.claim(() => dismiss(database, reader, member, 'closed')),
  }
}

const dismissGone = (database: Database, reader: number, nowMs: number): void => {
  for (const gone of members.gone(database, reader, nowMs)) dismiss(database, reader, gone, 'crashed')
}
