import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { openSqliteSlots } from '../../../connectors/cron/sqlite-slots.ts'
import { slotsContract } from '../../contract/slots-contract.ts'
import { temporaryFolder } from '../../support/folder.ts'

slotsContract('SQLite', false, async context => {
  const folder = await temporaryFolder(context)
  openSqliteSlots(folder)
  const raw = new DatabaseSync(join(folder, 'millrace.db'), { timeout: 5_000 })
  context.after(() => raw.close())
  return {
    open: async () => openSqliteSlots(folder),
    // No process is this one.
    kill: async () => raw.exec("UPDATE cron_members SET owner = 'nobody'"),
  }
})
