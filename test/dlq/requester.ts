/** Requests the replay of all letters in the folder given to it, as the command line does. */
import { systemClock } from '../../core/clock.ts'
import { openDatabase } from '../../core/database.ts'
import { openSqliteStore } from '../../dlq/sqlite/store.ts'

const database = openDatabase(process.argv[2] ?? '')
await openSqliteStore(database, { clock: systemClock }).startReplay(
  { selection: { filter: {} } },
  { operator: '', reason: '' },
)
await database.close()
