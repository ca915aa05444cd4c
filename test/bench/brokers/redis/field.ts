/** One stream for all rounds: every round of every contestant reads it from the beginning, in a group of its own. */
import { Redis } from 'ioredis'
import type { OpenField } from '../arena.ts'
import type { Place } from '../racer.ts'
import { BODY } from '../work.ts'

const SENT_AT_ONCE = 1_000

export const openField = async ({ url, place, records }: Place): Promise<OpenField> => {
  const client = new Redis(url)
  for (let sent = 0; sent < records; sent += SENT_AT_ONCE) {
    const pipeline = client.pipeline()
    for (let index = 0; index < SENT_AT_ONCE; index += 1) pipeline.xadd(place, '*', 'body', BODY)
    await pipeline.exec()
  }
  return {
    fill: async () => undefined,
    async verify({ group }) {
      const groups = (await client.xinfo('GROUPS', place)) as readonly (readonly unknown[])[]
      const found = groups.map(fieldsOf).find(({ name }) => name === group)
      if (found?.pending !== 0 || found.entriesRead !== records)
        throw new Error(`${group} must have read and acknowledged ${records} entries, got ${JSON.stringify(found)}`)
      await client.xgroup('DESTROY', place, group)
    },
    async close() {
      await client.quit()
    },
  }
}

/** Redis answers with names and values in turns. */
const fieldsOf = (flat: readonly unknown[]) => {
  const value = (name: string): unknown => flat[flat.indexOf(name) + 1]
  return { name: value('name'), pending: value('pending'), entriesRead: value('entries-read') }
}
