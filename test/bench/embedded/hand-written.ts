/** What one would write for oneself on node:sqlite: claim a hundred in a transaction, run, delete them in another. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Contestant } from '../contestant.ts'
import { BATCH_SIZE, BODY, perSecond, RECORDS_A_ROUND } from './work.ts'

export const handWritten: Contestant = {
  name: 'hand-written loop on node:sqlite',
  async open(folder) {
    mkdirSync(folder, { recursive: true })
    const database = new DatabaseSync(join(folder, 'queue.db'))
    database.exec('PRAGMA journal_mode=WAL')
    database.exec('CREATE TABLE jobs (id INTEGER PRIMARY KEY, claimed_by INTEGER, body BLOB NOT NULL)')
    const insert = database.prepare('INSERT INTO jobs (body) VALUES (?)')
    const claim = database.prepare(
      `UPDATE jobs SET claimed_by = 1 WHERE id IN (SELECT id FROM jobs WHERE claimed_by IS NULL ORDER BY id LIMIT ${BATCH_SIZE}) RETURNING id, body`,
    )
    const remove = database.prepare('DELETE FROM jobs WHERE id = ?')
    const transaction = <T>(work: () => T): T => {
      database.exec('BEGIN IMMEDIATE')
      const result = work()
      database.exec('COMMIT')
      return result
    }
    const handler = async (_batch: readonly unknown[]): Promise<void> => undefined
    return {
      async round() {
        transaction(() => {
          for (let index = 0; index < RECORDS_A_ROUND; index += 1) insert.run(BODY)
        })
        return perSecond(RECORDS_A_ROUND, async () => {
          for (;;) {
            const batch = transaction(() => claim.all()) as { id: number }[]
            if (batch.length === 0) return
            await handler(batch)
            transaction(() => {
              for (const { id } of batch) remove.run(id)
            })
          }
        })
      },
      async close() {
        database.close()
      },
    }
  },
}
