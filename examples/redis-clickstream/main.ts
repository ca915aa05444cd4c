/** Sends a day of clicks, half of them by an old web server that knows XADD only, and says what the two mappings found. */
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { createApp } from 'millrace'
import { clicks } from './channels.ts'
import config from './millrace.config.ts'
import { nextClick } from './traffic.ts'

const CLICKS = 60
const LOOK_EVERY_MS = 100

const say = (line: string): void => void process.stdout.write(`${line}\n`)

const redis = new Redis(process.env.REDIS_URL ?? 'redis://localhost:6379')
const app = createApp(config, { configFile: join(import.meta.dirname, 'millrace.config.ts') })
await app.start()

const day = Array.from({ length: CLICKS }, (_, number) => ({ id: `click-${number}`, data: nextClick(number) }))
const [shop, webServer] = [day.slice(0, CLICKS / 2), day.slice(CLICKS / 2)]
await app.send(
  clicks,
  shop.map(({ id, data }) => ({ id, key: data.visitor, data })),
)
for (const { data } of webServer)
  await redis.xadd('clicks', '*', 'visitor', data.visitor, 'page', data.page, 'at', data.at)
await redis.xadd('clicks', '*', 'visitor', 'a robot', 'page', 'no page')
say(`sent: ${CLICKS} clicks, half of them by an old web server with XADD, and one by a robot`)

const countOf = async (): Promise<ReadonlyMap<string, number>> => {
  const counts = new Map<string, number>()
  for (const page of (await redis.smembers('count:pages')).toSorted())
    counts.set(page, await redis.scard(`count:${page}`))
  return counts
}
const total = (counts: Iterable<number>): number => [...counts].reduce((sum, count) => sum + count, 0)
const visitors = ['visitor-0', 'visitor-1', 'visitor-2']
const seenBySessions = async (): Promise<number> =>
  total(await Promise.all(visitors.map(visitor => redis.zcard(`visitor:${visitor}`))))
const isDone = async (): Promise<boolean> =>
  total((await countOf()).values()) === CLICKS &&
  (await seenBySessions()) === CLICKS &&
  (await app.deadLetters.list()).length === 2
while (!(await isDone())) await pause(LOOK_EVERY_MS)
const letters = await app.deadLetters.list()
await app.stop()

for (const [page, count] of await countOf()) say(`${page}: ${count} clicks`)
for (const visitor of visitors) say(`${visitor}: ${await redis.hget('sessions', visitor)} sessions`)
for (const { mapping, reason } of letters.toSorted((a, b) => a.mapping.localeCompare(b.mapping)))
  say(`${mapping}: the robot's click is a dead letter (${reason})`)
redis.disconnect()
