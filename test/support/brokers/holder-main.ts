/** Starts one broker of each kind, says which processes they are, and stays: for a test that kills it. */
import { startKafka } from './kafka.ts'
import { startPostgres } from './postgres.ts'
import { startRabbit } from './rabbitmq.ts'
import { startRedis } from './redis.ts'

const scope = { after: () => {} }
const brokers = await Promise.all([startRedis(scope), startRabbit(scope), startKafka(scope), startPostgres(scope)])
process.stdout.write(`${JSON.stringify(brokers.map(({ pids, folder }) => ({ pids: pids(), folder })))}\n`)
process.stdin.resume()
