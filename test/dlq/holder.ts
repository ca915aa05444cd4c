/** Claims every requested letter in the folder given to it, says so, and holds them until it is killed. */
import { systemClock } from '../../core/clock.ts'
import { openDatabase } from '../../core/database.ts'
import { silentLog } from '../../core/log.ts'
import { replaySource } from '../../dlq/replay.ts'
import { openSqliteStore } from '../../dlq/sqlite/store.ts'

const store = openSqliteStore(openDatabase(process.argv[2] ?? ''), { clock: systemClock })
const source = replaySource(store, 'charge', 'local/orders', { clock: systemClock, log: silentLog, order: 'none' })
const deliveries = await source.poll({
  max: 100,
  maxPerLane: 100,
  maxBytes: 64_000_000,
  waitMs: 10_000,
  skipLanes: new Set(),
  signal: new AbortController().signal,
})
process.stdout.write(`holding ${deliveries.length}\n`)
process.stdin.resume()
