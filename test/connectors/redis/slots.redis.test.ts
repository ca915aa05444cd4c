import { Redis } from 'ioredis'
import { redisConnector } from '../../../connectors/redis/connector.ts'
import { systemClock } from '../../../core/clock.ts'
import { silentLog } from '../../../core/log.ts'
import { slotsContract } from '../../contract/slots-contract.ts'
import { sharedBroker } from '../../support/brokers/shared.ts'

const redis = sharedBroker('redis')

slotsContract('Redis', redis.missing, async context => {
  const { url } = await redis.address()
  const raw = new Redis(url)
  context.after(() => raw.disconnect())
  return {
    async open() {
      const tools = { clock: systemClock, log: silentLog, random: Math.random, stateDir: '/nowhere' }
      const connection = await redisConnector.connect('shop', { url }, tools)
      context.after(() => connection.close())
      const store = await connection.openSlots?.()
      if (!store) throw new Error('it keeps no slots')
      return store
    },
    async kill() {
      for (const key of await raw.keys('millrace:cron:*:members'))
        for (const member of await raw.hkeys(key)) await raw.hset(key, member, '1')
    },
  }
})
