/**
 * A process of its own that reads an outbox. `hold`: claims so many rows, says so, and keeps them. `work`: a line when it
 * has claimed a row, another when it is done, after so many milliseconds.
 */
import { postgresConnector } from '../../../connectors/postgres/connector.ts'
import { sleep, systemClock } from '../../../core/clock.ts'
import type { Delivery, Source } from '../../../core/contract.ts'
import { silentLog } from '../../../core/log.ts'
import { request } from '../../../core/testing/contract/reading.ts'

const [mode = '', url = '', channel = '{}', argument = '0'] = process.argv.slice(2)

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

const hold = async (source: Source, count: number): Promise<void> => {
  const held: Delivery[] = []
  while (held.length < count) held.push(...(await source.poll(request({ max: count - held.length, waitMs: 60_000 }))))
  say(`holds ${held.length}`)
  for (;;) await sleep(systemClock, 60_000)
}

const work = async (source: Source, workMs: number): Promise<void> => {
  for (;;) {
    const deliveries = await source.poll(request({ max: 5, waitMs: 60_000 })).catch(() => [])
    await Promise.all(
      deliveries.map(async delivery => {
        const what = `${delivery.record.key} ${Buffer.from(delivery.record.body ?? [])}`
        say(`begins ${what}`)
        await sleep(systemClock, workMs)
        say(`ends ${what}`)
        await source.settle([{ delivery, outcome: 'accepted' }])
      }),
    )
  }
}

const tools = { clock: systemClock, log: silentLog, random: Math.random, stateDir: '/nowhere' }
const connection = await postgresConnector.connect('shop', { url }, tools)
const source = await connection.openSource(JSON.parse(channel), {
  group: 'test',
  start: 'earliest',
  maxInFlight: 1_000,
})
say('open')
if (mode === 'hold') await hold(source, Number(argument))
else await work(source, Number(argument))
