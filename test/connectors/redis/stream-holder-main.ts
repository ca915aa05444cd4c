/** `url channel group claims`: claims so many records, says so, and holds them until it is killed. */
import { redisConnector } from '../../../connectors/redis/connector.ts'
import { systemClock } from '../../../core/clock.ts'
import { silentLog } from '../../../core/log.ts'

const [url = '', channel = '{}', group = '', claims = '1'] = process.argv.slice(2)
const context = { clock: systemClock, log: silentLog, random: Math.random, stateDir: '/nowhere' }
const connection = await redisConnector.connect('shop', { url }, context)
const source = await connection.openSource(JSON.parse(channel), { group, start: 'earliest', maxInFlight: 1_000 })
for (let held = 0; held < Number(claims); ) {
  const left = Number(claims) - held
  const { signal } = new AbortController()
  const request = { max: left, maxPerLane: left, maxBytes: 1e9, waitMs: 1_000, skipLanes: new Set<string>(), signal }
  held += (await source.poll(request)).length
}
process.stdout.write(`holds ${claims}\n`)
