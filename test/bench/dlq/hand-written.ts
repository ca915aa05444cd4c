/**
 * What one would write for oneself on node:sqlite: a table of failed records with their error as JSON; a replay marks a
 * hundred as taken in one transaction, runs them, and marks them as done in another. It groups, filters and tells nothing.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Contestant } from '../contestant.ts'
import { letterNumber } from './letters.ts'
import { AT_ONCE, type Job, LETTERS_A_ROUND, perSecond } from './work.ts'

export const handWritten = (job: Job): Contestant => ({
  name: 'hand-written loop on node:sqlite',
  async open(folder) {
    mkdirSync(folder, { recursive: true })
    const database = new DatabaseSync(join(folder, 'failed.db'))
    database.exec('PRAGMA journal_mode=WAL')
    database.exec(`CREATE TABLE failed (id INTEGER PRIMARY KEY, mapping TEXT NOT NULL, state TEXT NOT NULL,
      record TEXT NOT NULL, error TEXT NOT NULL, body BLOB NOT NULL)`)
    database.exec('CREATE INDEX failed_by_state ON failed (mapping, state, id)')
    const insert = database.prepare(
      "INSERT INTO failed (mapping, state, record, error, body) VALUES (?, 'open', ?, ?, ?)",
    )
    const take = database.prepare(`UPDATE failed SET state = 'taken' WHERE id IN
      (SELECT id FROM failed WHERE mapping = 'charge' AND state = 'open' ORDER BY id LIMIT ${AT_ONCE}) RETURNING id, record, body`)
    const finish = database.prepare("UPDATE failed SET state = 'done' WHERE id = ?")
    let number = 0
    const transaction = <T>(work: () => T): T => {
      database.exec('BEGIN IMMEDIATE')
      const result = work()
      database.exec('COMMIT')
      return result
    }
    const park = (): void => {
      for (let parked = 0; parked < LETTERS_A_ROUND; parked += AT_ONCE)
        transaction(() => {
          for (let index = 0; index < AT_ONCE; index += 1) {
            const { record, error, attempts } = letterNumber(number++ * 5, 10_000_000)
            const { body, ...plain } = record
            insert.run('charge', JSON.stringify(plain), JSON.stringify({ error, attempts }), body ?? new Uint8Array())
          }
        })
    }
    const replay = async (): Promise<void> => {
      for (;;) {
        const taken = transaction(() => take.all()) as unknown as { readonly id: number; readonly record: string }[]
        if (taken.length === 0) return
        for (const { record } of taken) JSON.parse(record)
        await handler()
        transaction(() => {
          for (const { id } of taken) finish.run(id)
        })
      }
    }
    return {
      async round() {
        if (job === 'park') return perSecond(async () => park())
        park()
        return perSecond(replay)
      },
      async close() {
        database.close()
      },
    }
  },
})

const handler = async (): Promise<void> => undefined
