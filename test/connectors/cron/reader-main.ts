/**
 * A process of its own that reads a schedule. `hold`: claims so many slots by a clock that stands still, says so, and keeps
 * them. `work`: by the real clock, a line when it has claimed a slot, another when it is done, after WORK_MS. SLOTS_URL: where slots are
 * kept, a PostgreSQL or a Redis, instead of the state folder.
 */
import { cronConnector } from '../../../connectors/cron/connector.ts'
import { postgresConnector } from '../../../connectors/postgres/connector.ts'
import { redisConnector } from '../../../connectors/redis/connector.ts'
import { sleep, systemClock } from '../../../core/clock.ts'
import type { Delivery, Source } from '../../../core/contract.ts'
import { silentLog } from '../../../core/log.ts'
import { request } from '../../../core/testing/contract/reading.ts'

const [mode = '', stateDir = '', options = '{}', wall = '0', wanted = '0'] = process.argv.slice(2)

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

const hold = async (source: Source, count: number): Promise<void> => {
  const held: Delivery[] = []
  while (held.length < count) held.push(...(await source.poll(request({ max: count - held.length, waitMs: 60_000 }))))
  say(`holds ${held.length}`)
  for (;;) await sleep(systemClock, 60_000)
}

const work = async (source: Source): Promise<void> => {
  for (;;)
    for (const delivery of await source.poll(request({ max: 1, waitMs: 60_000 }))) {
      say(`has ${delivery.record.id} ${delivery.priorDeliveries}`)
      await sleep(systemClock, WORK_MS)
      const unsettled = await source.settle([{ delivery, outcome: 'accepted' }])
      if (unsettled.length > 0) throw unsettled[0]?.error ?? new Error('not settled')
      say(`done ${delivery.record.id}`)
    }
}

const WORK_MS = Number(process.env.WORK_MS ?? 150)

const { SLOTS_URL } = process.env
const keeper = SLOTS_URL?.startsWith('postgres') ? postgresConnector : redisConnector

const clock = mode === 'hold' ? { ...systemClock, now: () => Number(wall) } : systemClock
const tools = { clock, log: silentLog, random: () => 0.5, stateDir }
const slots = async () => SLOTS_URL && (await keeper.connect('slots', { url: SLOTS_URL }, tools)).openSlots?.()
const connection = await cronConnector.connect(
  'cron',
  {},
  { ...tools, slots: async () => (await slots()) || undefined },
)
const channel = { type: 'schedule', name: 'nightly', address: 'cron/nightly', options: JSON.parse(options) }
const source = await connection.openSource(channel, { group: 'test', start: 'earliest', maxInFlight: 1_000 })
say('open')
if (mode === 'hold') await hold(source, Number(wanted))
else await work(source)
