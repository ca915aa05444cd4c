/**
 * A process that reads a list, or a stream in the group `test`: `hold` claims so many records and keeps them; `work` notes
 * each body in a list by a client of its own, then accepts it, until it is killed, or leaves on SIGTERM.
 */
import { Redis } from 'ioredis'
import { openList } from '../../../connectors/redis/list.ts'
import { openStream } from '../../../connectors/redis/stream.ts'
import type { ChannelRef } from '../../../core/contract.ts'
import { accept, bodies, request } from '../../../core/testing/contract/reading.ts'
import { channelRef, placeOn, READ } from './place.ts'

const [mode, url = '', written = '', argument = ''] = process.argv.slice(2)
const { type, name, options } = JSON.parse(written) as ChannelRef
const channel = channelRef(type === 'list' ? 'list' : 'stream', name, options)
const place = await placeOn({ after: () => {} }, { url })
const source = type === 'list' ? await openList(place, channel) : await openStream(place, channel, READ)

if (mode === 'hold') {
  const wanted = Number(argument)
  let held = 0
  while (held < wanted) held += (await source.poll(request({ max: wanted - held, waitMs: 10_000 }))).length
  process.stdout.write(`holds ${held}\n`)
} else {
  const raw = new Redis(url)
  const leaving = new AbortController()
  process.on('SIGTERM', () => leaving.abort())
  process.stdout.write('works\n')
  while (!leaving.signal.aborted) {
    const taken = await source.poll(request({ max: 7, waitMs: 10_000, signal: leaving.signal }))
    if (taken.length > 0) await raw.rpush(argument, ...bodies(taken))
    await source.settle(accept(taken))
  }
  await source.close()
  process.exit()
}
