/** What one would write for oneself on ioredis: read a hundred as a group, call the function, acknowledge the hundred. */
import { Redis } from 'ioredis'
import { BATCH_SIZE, type Consume } from '../work.ts'

const handler = async (_batch: readonly unknown[]): Promise<void> => undefined

export const consume: Consume = async ({ url, place, group, records }, progress) => {
  const client = new Redis(url)
  await client.xgroup('CREATE', place, group, '0')
  const read = async (): Promise<void> => {
    for (let settled = 0; settled < records; ) {
      const answer = await client.xreadgroupBuffer(
        ...(['GROUP', group, 'one', 'COUNT', BATCH_SIZE, 'BLOCK', 1_000, 'STREAMS', place, '>'] as const),
      )
      const [, entries] =
        (answer as unknown as readonly (readonly [Buffer, readonly (readonly [Buffer])[]])[])?.[0] ?? []
      if (!entries || entries.length === 0) continue
      await handler(entries)
      await client.xack(place, group, ...entries.map(([id]) => id))
      settled += entries.length
      progress(entries.length)
    }
  }
  const ended = read()
  return {
    async stop() {
      await ended
      await client.quit()
    },
  }
}
