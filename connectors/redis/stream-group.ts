/** The consumer group of a stream: made where it is missing, and rid of what consumers hold that are gone. */
import type { ReadOptions } from '../../core/contract.ts'
import type { Log } from '../../core/log.ts'
import type { RedisClient } from './connection.ts'
import { answeredWith } from './failure.ts'
import { NOBODY, READER, RETIRE, type StreamKeys } from './stream-scripts.ts'

export interface StreamPart {
  readonly commands: RedisClient
  readonly log: Log
  readonly address: string
  readonly keys: StreamKeys
  readonly group: string
}

/** The id after which a group without a position begins. Ids begin with the milliseconds at which Redis took them. */
export const startId = (start: ReadOptions['start']): string =>
  start === 'earliest' ? '0' : start === 'latest' ? '$' : `${Math.max(0, Math.floor(start) - 1)}-18446744073709551615`

/** Makes stream and group where they are not there; `made` when it did. Rejects when Redis cannot be asked. */
export const ensureGroup = async (part: StreamPart, afterId: string): Promise<'made' | 'was there'> => {
  const { commands, keys, group } = part
  try {
    await commands.call('XGROUP', 'CREATE', keys.stream, group, afterId, 'MKSTREAM')
    return 'made'
  } catch (error) {
    if (answeredWith(error, 'BUSYGROUP')) return 'was there'
    // Out of memory Redis refuses this before it looks whether there is anything to make.
    if (answeredWith(error, 'OOM') && (await groupOf(part))) return 'was there'
    throw error
  }
}

/** What Redis says of the group; undefined when there is none. Rejects when Redis cannot be asked, or has no such stream. */
export const groupOf = async ({
  commands,
  keys,
  group,
}: StreamPart): Promise<Readonly<Record<string, unknown>> | undefined> => {
  const groups = (await commands.call('XINFO', 'GROUPS', keys.stream)) as readonly unknown[]
  return groups.map(fieldsOf).find(({ name }) => name === group)
}

/**
 * Makes a group anew that has vanished, and answers where it begins; undefined when another process was faster. It reads
 * on after `afterId`, unless the stream has never come so far: then it is another one, and read from its beginning.
 */
export const remakeGroup = async (part: StreamPart, afterId: string): Promise<string | undefined> => {
  const beginId = (await hasReached(part, afterId)) ? afterId : '0'
  return (await ensureGroup(part, beginId)) === 'made' ? beginId : undefined
}

const hasReached = async (part: StreamPart, id: string): Promise<boolean> => {
  if (id === '0') return true
  const last = (await infoOf(part))?.['last-generated-id']
  return last !== undefined && compareIds(String(last), id) >= 0
}

/** What Redis says of the stream; undefined when there is none. Rejects when Redis cannot be asked. */
export const infoOf = async ({
  commands,
  keys,
}: StreamPart): Promise<Readonly<Record<string, unknown>> | undefined> => {
  try {
    return fieldsOf(await commands.call('XINFO', 'STREAM', keys.stream))
  } catch (error) {
    if (answeredWith(error, 'ERR no such key')) return undefined
    throw error
  }
}

/** The id before this one. */
export const idBefore = (id: string): string => {
  const [ms = 0n, seq = 0n] = id.split('-').map(BigInt)
  if (seq > 0n) return `${ms}-${seq - 1n}`
  return ms > 0n ? `${ms - 1n}-18446744073709551615` : '0-0'
}

/** Negative when `one` comes first in the stream. */
export const compareIds = (one: string, other: string): number => {
  const [ms, sequence = '0'] = one.split('-')
  const [otherMs, otherSequence = '0'] = other.split('-')
  return compareNumbers(ms ?? '0', otherMs ?? '0') || compareNumbers(sequence, otherSequence)
}

/** 64 bits each, written without zeros before them: the longer is the larger, and each record costs no big numbers. */
const compareNumbers = (one: string, other: string): number => {
  if (one.length !== other.length) return one.length - other.length
  return one === other ? 0 : one < other ? -1 : 1
}

/** A reply of names and values in turn, with every text as bytes. */
export const fieldsOf = (reply: unknown): Readonly<Record<string, unknown>> => {
  const list = reply as readonly unknown[]
  return Object.fromEntries(list.flatMap((name, at) => (at % 2 === 0 ? [[String(name), plain(list[at + 1])]] : [])))
}

const plain = (value: unknown): unknown => (value instanceof Uint8Array ? String(value) : value)

/**
 * Gives back what consumers hold that no reader is: of ours, one that read after it was taken for dead; of other
 * programs, what has been idle for `idleMs`, as those tell each other too. Answers how many records that were.
 */
export const adoptOrphans = async (part: StreamPart, readers: ReadonlySet<string>, idleMs: number): Promise<number> => {
  const { commands, keys, group, log, address } = part
  const consumers = (await commands.call('XINFO', 'CONSUMERS', keys.stream, group)) as readonly unknown[]
  let adopted = 0
  for (const { name, pending, idle } of consumers.map(fieldsOf)) {
    const consumer = String(name)
    const isOurs = consumer.startsWith(READER)
    if (consumer === NOBODY || readers.has(consumer) || (Number(pending) === 0 && !isOurs)) continue
    if (!isOurs && Number(idle) < idleMs) continue
    const count = Number(
      await commands.run(
        RETIRE,
        [keys.stream, keys.waiting, keys.notes, keys.readers],
        [group, consumer, 'orphan', isOurs ? 0 : idleMs],
      ),
    )
    if (count > 0) log.info(`${address}: took over ${count} record(s) of a consumer that is gone`, { consumer })
    adopted += Math.max(0, count)
  }
  return adopted
}
