import { slotsContract } from '../../contract/slots-contract.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'
import { connectionTo, rawClient } from './opened.ts'

const server = sharedBroker('postgres')

slotsContract('PostgreSQL', server.missing, async context => {
  const { url } = await server.address()
  const raw = await rawClient(context, url)
  return {
    async open() {
      const store = await (await connectionTo(context, { url })).openSlots?.()
      if (!store) throw new Error('it keeps no slots')
      return store
    },
    kill: async () => void (await raw.query("UPDATE millrace_cron_members SET until = now() - interval '1 second'")),
  }
})
