/** Lanes and keys that stopped behind a dead letter: they stay stopped over restarts, in whichever process reads them. */
import type { DeadLetter } from '../../core/contract.ts'
import type { LetterDatabase } from './room.ts'
import { all, run, type Work } from './work.ts'

/** Runs inside the transaction that parks the letter. */
export function* stopBehind(
  { storable }: LetterDatabase,
  id: string,
  { mapping, record, stops }: DeadLetter,
): Work<void> {
  if (stops === undefined) return
  yield* run(
    `INSERT INTO stopped_scopes (mapping, source, scope, letter) VALUES ($1, $2, $3, $4)
       ON CONFLICT (mapping, source, scope) DO UPDATE SET letter = excluded.letter`,
    mapping,
    record.source,
    storable(stops),
    id,
  )
}

export function* stoppedScopes(
  { restored }: LetterDatabase,
  mapping: string,
  source: string,
): Work<ReadonlySet<string>> {
  const rows = yield* all<ScopeRow>(
    'SELECT scope FROM stopped_scopes WHERE mapping = $1 AND source = $2',
    mapping,
    source,
  )
  return new Set(rows.map(({ scope }) => restored(scope)))
}

export function* goOn({ restored }: LetterDatabase, mapping: string): Work<readonly string[]> {
  const rows = yield* all<ScopeRow>('DELETE FROM stopped_scopes WHERE mapping = $1 RETURNING scope', mapping)
  return rows.map(({ scope }) => restored(scope))
}

interface ScopeRow {
  readonly scope: string
}
