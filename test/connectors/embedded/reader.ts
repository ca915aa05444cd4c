/**
 * A process of its own that reads an embedded channel, for tests that need several or that kill one.
 * `hold`: claims so many records, says so, and keeps them. `work`: accepts all that comes, one line for each body.
 */
import { embeddedConnector } from '../../../connectors/embedded/connector.ts'
import { sleep, systemClock } from '../../../core/clock.ts'
import type { Delivery, PollRequest, Source } from '../../../core/contract.ts'
import { silentLog } from '../../../core/log.ts'

const [mode = '', stateDir = '', type = '', name = '', group = '', wanted = '0', options = '{}'] = process.argv.slice(2)

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

const request = (max: number): PollRequest => ({
  max,
  maxPerLane: max,
  maxBytes: 1_000_000_000,
  waitMs: 60_000,
  skipLanes: new Set(),
  signal: new AbortController().signal,
})

const hold = async (source: Source, count: number): Promise<void> => {
  const held: Delivery[] = []
  while (held.length < count) held.push(...(await source.poll(request(count - held.length))))
  say(`holds ${held.length}`)
  for (;;) await sleep(systemClock, 60_000)
}

const work = async (source: Source): Promise<void> => {
  for (;;) {
    const taken = await source.poll(request(10))
    const unsettled = await source.settle(taken.map(delivery => ({ delivery, outcome: 'accepted' })))
    if (unsettled.length > 0) throw unsettled[0]?.error ?? new Error('not settled')
    for (const { lane, record } of taken) say(`done ${lane} ${Buffer.from(record.body ?? []).toString()}`)
  }
}

const connection = await embeddedConnector.connect(
  'local',
  {},
  { clock: systemClock, log: silentLog, random: () => 0.5, stateDir },
)
const channel = { type, name, address: `local/${name}`, options: JSON.parse(options) }
const source = await connection.openSource(channel, { group, start: 'earliest', maxInFlight: 1_000 })
say('open')
if (mode === 'hold') await hold(source, Number(wanted))
else await work(source)
