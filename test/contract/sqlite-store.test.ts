import { symlinkSync, unlinkSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import type { TestContext } from 'node:test'
import type { JointWrite } from '../../core/contract.ts'
import { type Database, openDatabase } from '../../core/database.ts'
import { thisProcess } from '../../core/owner.ts'
import { createVirtualClock } from '../../core/testing/virtual-clock.ts'
import { openSqliteStore } from '../../dlq/sqlite/store.ts'
import { temporaryFolder } from '../support/folder.ts'
import type { StoreUnderTest } from './store/under-test.ts'
import { storeContract } from './store-contract.ts'

const open = async (context: TestContext): Promise<StoreUnderTest> => {
  const folder = await temporaryFolder(context)
  const clock = createVirtualClock()
  const database = openDatabase(folder)
  const another = openOwnConnection(folder)
  context.after(async () => {
    await another.close()
    await database.close()
    unlinkSync(`${folder}-alias`)
  })
  return {
    store: openSqliteStore(database, { clock }),
    elsewhere: openSqliteStore(another, { clock, owner: { ...thisProcess(), id: 'elsewhere' } }),
    now: clock.now,
    advance: clock.advance,
    joint: jointOf(database),
  }
}

/** openDatabase shares one connection in a process; the same file by another path is another connection. */
const openOwnConnection = (folder: string): Database => {
  const alias = `${folder}-alias`
  symlinkSync(folder, alias)
  return openDatabase(alias)
}

const jointOf = (database: Database) => {
  const other = new DatabaseSync(database.path)
  other.exec('CREATE TABLE settled (id TEXT)')
  other.close()
  const insert: JointWrite = {
    database,
    write: () => void database.sql("INSERT INTO settled VALUES ('1')").run(),
  }
  return {
    write: insert,
    failing: {
      database,
      write() {
        insert.write()
        throw new Error('the other half failed')
      },
    },
    kept: () => database.sql('SELECT id FROM settled').all().length === 1,
  }
}

storeContract('sqlite', open)
