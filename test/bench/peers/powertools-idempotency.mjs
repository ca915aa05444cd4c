/** Powertools for AWS Lambda: its idempotency over its cache layer, on ioredis as the others are. */
import { IdempotencyConfig, makeIdempotent } from '@aws-lambda-powertools/idempotency'
import { CachePersistenceLayer } from '@aws-lambda-powertools/idempotency/cache'
import { Redis } from 'ioredis'

/** `side by side`: all records of a batch at once. `one by one`: the next when the one before is done. */
export const openPowertools = async (url, how, work) => {
  process.env.AWS_LAMBDA_FUNCTION_NAME = 'bench'
  const client = new Redis(url)
  const persistenceStore = new CachePersistenceLayer({
    client: {
      get: name => client.get(name),
      set: (name, value, { EX, NX } = {}) =>
        NX ? client.set(name, value, 'EX', EX, 'NX') : client.set(name, value, 'EX', EX),
      del: names => client.del(names),
    },
  })
  const config = new IdempotencyConfig({ eventKeyJmesPath: 'id', expiresAfterSeconds: 3_600 })
  config.registerLambdaContext({ getRemainingTimeInMillis: () => 30_000 })
  const process_ = makeIdempotent(async record => work(record), { persistenceStore, config })
  return {
    async batch(records) {
      if (how === 'side by side') await Promise.all(records.map(record => process_(record)))
      else for (const record of records) await process_(record)
    },
    close: async () => client.disconnect(),
  }
}
