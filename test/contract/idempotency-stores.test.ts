import { symlinkSync, unlinkSync } from 'node:fs'
import { openDatabase } from '../../core/database.ts'
import { memoryIdempotency } from '../../core/idempotency/memory-store.ts'
import { openSqliteIdempotency } from '../../core/idempotency/sqlite-store.ts'
import { idempotencyContract } from '../../core/testing/idempotency/idempotency-contract.ts'
import { createVirtualClock } from '../../core/testing/virtual-clock.ts'
import { temporaryFolder } from '../support/folder.ts'

idempotencyContract('memory', async () => {
  const clock = createVirtualClock()
  const store = memoryIdempotency({ clock })
  return { store, elsewhere: store, pass: async ms => clock.advance(ms) }
}, [
  {
    reason: 'nobody else writes into the memory of a process',
    promises: ['what the store did not write is unreadable, for nobody to claim, until it is removed'],
  },
])

idempotencyContract('sqlite', async context => {
  const folder = await temporaryFolder(context)
  // openDatabase shares one connection in a process; the same file by another path is another connection.
  symlinkSync(folder, `${folder}-alias`)
  const [database, another] = [openDatabase(folder), openDatabase(`${folder}-alias`)]
  const clock = createVirtualClock()
  context.after(async () => {
    await another.close()
    await database.close()
    unlinkSync(`${folder}-alias`)
  })
  return {
    store: openSqliteIdempotency(database, { clock, machineMs: clock.monotonic }),
    elsewhere: openSqliteIdempotency(another, { clock, machineMs: clock.monotonic }),
    pass: async ms => clock.advance(ms),
    spoil: key =>
      another.write(() => void another.sql("UPDATE idempotency SET state = '{', fence = 'x' WHERE key = ?").run(key)),
  }
})
