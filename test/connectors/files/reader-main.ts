/** A process of its own that reads a watched folder: claims so many changes, says so, and keeps them. */
import { filesConnector } from '../../../connectors/files/connector.ts'
import { sleep, systemClock } from '../../../core/clock.ts'
import type { Delivery } from '../../../core/contract.ts'
import { silentLog } from '../../../core/log.ts'
import { request } from '../../../core/testing/contract/reading.ts'

const [stateDir = '', options = '{}', wanted = '0'] = process.argv.slice(2)

const connection = await filesConnector.connect(
  'files',
  {},
  { clock: systemClock, log: silentLog, random: () => 0.5, stateDir },
)
const channel = { type: 'folder', name: 'inbox', address: 'files/inbox', options: JSON.parse(options) }
const source = await connection.openSource(channel, { group: 'test', start: 'earliest', maxInFlight: 1_000 })
const held: Delivery[] = []
while (held.length < Number(wanted))
  held.push(...(await source.poll(request({ max: Number(wanted) - held.length, waitMs: 60_000 }))))
process.stdout.write(`holds ${held.length}\n`)
for (;;) await sleep(systemClock, 60_000)
