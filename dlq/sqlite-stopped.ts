/** Lanes and keys that stopped behind a dead letter: they stay stopped over restarts, in whichever process reads them. */
import type { DeadLetter } from '../core/contract.ts'
import { type Room, read, rows } from './sqlite-room.ts'

/** Runs inside the transaction that parks the letter. */
export const stopBehind = ({ database }: Room, id: string, { mapping, record, stops }: DeadLetter): void => {
  if (stops === undefined) return
  database
    .sql('INSERT OR REPLACE INTO stopped_scopes (mapping, source, scope, letter) VALUES (?, ?, ?, ?)')
    .run(mapping, record.source, stops, id)
}

export const stoppedScopes = (room: Room, mapping: string, source: string): Promise<ReadonlySet<string>> =>
  read(
    room,
    () =>
      new Set(
        rows<ScopeRow>(
          room.database.sql('SELECT scope FROM stopped_scopes WHERE mapping = ? AND source = ?').all(mapping, source),
        ).map(({ scope }) => scope),
      ),
  )

export const goOn = ({ database }: Room, mapping: string): Promise<readonly string[]> =>
  database.write(() =>
    rows<ScopeRow>(database.sql('DELETE FROM stopped_scopes WHERE mapping = ? RETURNING scope').all(mapping)).map(
      ({ scope }) => scope,
    ),
  )

interface ScopeRow {
  readonly scope: string
}
