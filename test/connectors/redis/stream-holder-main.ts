/**
 * `url channel group claims`: claims so many records, says so, and holds them until it is killed. On SIGUSR2 it settles them
 * all as accepted, and says how many were lost.
 */
import { redisConnector } from '../../../connectors/redis/connector.ts'
import { systemClock } from '../../../core/clock.ts'
import type { Delivery } from '../../../core/contract.ts'
import { silentLog } from '../../../core/log.ts'

const [url = '', channel = '{}', group = '', claims = '1'] = process.argv.slice(2)
const context = { clock: systemClock, log: silentLog, random: Math.random, stateDir: '/nowhere' }
const connection = await redisConnector.connect('shop', { url }, context)
const source = await connection.openSource(JSON.parse(channel), { group, start: 'earliest', maxInFlight: 1_000 })
const held: Delivery[] = []
while (held.length < Number(claims)) {
  const left = Number(claims) - held.length
  const { signal } = new AbortController()
  const request = { max: left, maxPerLane: left, maxBytes: 1e9, waitMs: 1_000, skipLanes: new Set<string>(), signal }
  held.push(...(await source.poll(request)))
}
process.on('SIGUSR2', async () => {
  const unsettled = await source.settle(held.map(delivery => ({ delivery, outcome: 'accepted' })))
  const lost = held.filter(delivery => delivery.lost.aborted)
  process.stdout.write(`settled all but ${unsettled.length}, ${lost.length} were lost\n`)
})
process.stdout.write(`holds ${claims}\n`)
