/**
 * A process that reads a list: `hold` claims so many records and keeps them; `work` notes each body in a set by a client
 * of its own, then accepts it, until it is killed.
 */
import { Redis } from 'ioredis'
import { openList } from '../../../connectors/redis/list.ts'
import { accept, bodies, request } from '../../../core/testing/contract/reading.ts'
import { channelRef, placeOn } from './place.ts'

const [mode, url = '', name = '', argument = ''] = process.argv.slice(2)
const place = await placeOn({ after: () => {} }, { url })
const source = await openList(place, channelRef('list', name, { claimTimeout: 1_000 }))

if (mode === 'hold') {
  const wanted = Number(argument)
  let held = 0
  while (held < wanted) held += (await source.poll(request({ max: wanted - held, waitMs: 10_000 }))).length
  process.stdout.write(`holds ${held}\n`)
} else {
  const raw = new Redis(url)
  process.stdout.write('works\n')
  for (;;) {
    const taken = await source.poll(request({ max: 7, waitMs: 10_000 }))
    if (taken.length > 0) await raw.sadd(argument, ...bodies(taken))
    await source.settle(accept(taken))
  }
}
