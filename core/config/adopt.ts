/**
 * Channels of dead letters that other systems made (`deadLetters.adopt`): each is read by a mapping of its own, whose
 * function takes the records into the store. So claims, retries and status are those of any other mapping.
 */
import type { ChannelBook } from './channel-book.ts'
import { policyOf } from './mapping.ts'
import { policyOptions } from './mapping-options.ts'
import { defaultsOf } from './options.ts'
import type { ResolvedMapping } from './resolved.ts'

/** No mapping of a user's has such a name: it has a colon. */
export const adoptMappingName = (address: string): string => `adopt:${address}`

const BATCH_SIZE = 100

export const adoptMappings = (written: unknown, app: string, book: ChannelBook): readonly ResolvedMapping[] =>
  [written ?? []].flat().flatMap((value, index) => {
    const channel = book.enter(value, `deadLetters.adopt[${index}]`)
    if (!channel) return []
    const name = adoptMappingName(channel.address)
    const values = { ...defaultsOf(policyOptions), batchSize: BATCH_SIZE, maxConcurrency: 1, order: 'none' as const }
    return [
      {
        name,
        channel,
        group: `${app}.adopt`,
        start: 'earliest',
        functionName: name,
        codec: 'bytes',
        format: 'millrace',
        deadLetters: { to: [], format: 'record' },
        adopts: true,
        enabled: true,
        policy: policyOf(values, channel, BATCH_SIZE),
      },
    ]
  })
