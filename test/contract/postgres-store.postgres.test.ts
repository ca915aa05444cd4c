import type { TestContext } from 'node:test'
import { silentLog } from '../../core/log.ts'
import { thisProcess } from '../../core/owner.ts'
import { openPostgres } from '../../core/postgres.ts'
import { createVirtualClock } from '../../core/testing/virtual-clock.ts'
import { SESSION } from '../../dlq/postgres/database.ts'
import { openPostgresStore } from '../../dlq/postgres/store.ts'
import { freshDatabase } from '../support/brokers/database.ts'
import { sharedBroker } from '../support/brokers/shared.ts'
import type { StoreUnderTest } from './store/under-test.ts'
import { storeContract } from './store-contract.ts'

const server = sharedBroker('postgres')

const open = async (context: TestContext): Promise<StoreUnderTest> => {
  const url = await freshDatabase(context, await server.address())
  const clock = createVirtualClock()
  const connect = () => openPostgres('state', { url, maxConnections: 2 }, { log: silentLog, session: SESSION })
  const store = openPostgresStore(connect, { clock })
  const elsewhere = openPostgresStore(connect, { clock, owner: { ...thisProcess(), id: 'elsewhere' } })
  context.after(() => Promise.all([store.close(), elsewhere.close()]))
  return { store, elsewhere, now: clock.now, advance: clock.advance }
}

storeContract('postgres', open, server.missing)
