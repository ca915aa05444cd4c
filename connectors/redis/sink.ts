/**
 * Sending: each record a command, all of one call in one write, each with its own answer. On a client of its own, so
 * that a large body holds up nobody's verdicts.
 */
import type { ChannelRef, OutgoingRecord, Sink } from '../../core/contract.ts'
import { errorInfo, MillraceError } from '../../core/errors.ts'
import { listSettings, streamSettings } from './channel-settings.ts'
import type { RedisArgument, RedisClient } from './connection.ts'
import { redisError } from './failure.ts'
import { type Command, writingTo } from './outgoing.ts'
import type { RedisPlace } from './place.ts'

type Outcome = null | MillraceError

/** How long a send waits for a connection that is being made anew. */
const CONNECT_PATIENCE_MS = 10_000
/** Redis's own, which it has unless somebody changed it. */
const DEFAULT_MAX_VALUE_BYTES = 512 * 1024 ** 2

export const createSink = (place: RedisPlace, channel: ChannelRef): Sink => {
  const { address } = channel
  const client = place.openClient('commands')
  const writing = writingTo(channel)
  const tellOnce = onceOnly(() =>
    place.log.warn(`${address}: only bodies are sent to it; keys and headers of records are left out from here on`),
  )
  let limits: Promise<number> | undefined
  let sending: Promise<unknown> = Promise.resolve()
  let closed: Promise<void> | undefined

  const send = async (records: readonly OutgoingRecord[]): Promise<readonly Outcome[]> => {
    try {
      await client.ready(CONNECT_PATIENCE_MS)
      limits ??= maxValueBytes(client)
      const maxBytes = await limits
      if (writing.carries === 'body' && records.some(hasMore)) tellOnce()
      const prepared = records.map(record => checked(writing.commandFor(record), address, maxBytes))
      return await sendAll(client, channel, prepared)
    } catch (thrown) {
      const error = redisError('SEND_FAILED', `sending to ${address}`, thrown)
      return records.map(() => error)
    }
  }
  return {
    send(records) {
      const sent = send(records)
      sending = Promise.all([sending, sent])
      return sent
    },
    close() {
      closed ??= sending.then(() => client.close())
      return closed
    },
  }
}

/** In the order of the records; those that were refused before are not sent. */
const sendAll = async (
  client: RedisClient,
  channel: ChannelRef,
  prepared: readonly (Command | MillraceError)[],
): Promise<readonly Outcome[]> => {
  const where = `sending to ${channel.address}`
  const pipeline = client.raw.pipeline()
  const replication = replicationOf(channel)
  for (const each of prepared)
    if (!(each instanceof MillraceError)) pipeline.callBuffer(each.name, ...each.args.map(toArgument))
  if (pipeline.length === 0) return prepared.map(each => (each instanceof MillraceError ? each : null))
  if (replication.replicas > 0) pipeline.call('WAIT', replication.replicas, replication.timeoutMs)
  const answers = (await pipeline.exec()) ?? []
  const outcomes = answers.map(([error]) => (error ? redisError('SEND_FAILED', where, error) : null))
  const waited = replication.replicas > 0 ? answers.at(-1) : undefined
  const missing = waited && missingReplicas(where, waited, replication.replicas)
  let next = 0
  return prepared.map(each => {
    if (each instanceof MillraceError) return each
    const outcome = outcomes[next]
    next += 1
    return outcome === undefined ? unanswered(where) : (outcome ?? missing ?? null)
  })
}

const unanswered = (where: string): MillraceError =>
  new MillraceError('SEND_FAILED', `${where}: Redis did not answer; the record may or may not be there`)

const missingReplicas = (
  where: string,
  [error, reached]: readonly [Error | null, unknown],
  wanted: number,
): Outcome => {
  if (error) return redisError('SEND_FAILED', where, error)
  if (Number(reached) >= wanted) return null
  return new MillraceError(
    'SEND_FAILED',
    `${where}: ${wanted} replica(s) were to have the record, ${Number(reached)} had it in time; it is on the master and perhaps lost with it`,
  )
}

const replicationOf = (channel: ChannelRef): { readonly replicas: number; readonly timeoutMs: number } => {
  if (channel.type === 'subscription') return { replicas: 0, timeoutMs: 0 }
  const { waitReplicas, waitTimeout } = channel.type === 'list' ? listSettings(channel) : streamSettings(channel)
  return { replicas: waitReplicas ?? 0, timeoutMs: waitTimeout }
}

/** Beyond its limit Redis breaks the connection, and with it all that is under way: such a record is not sent at all. */
const checked = (command: Command | MillraceError, address: string, maxBytes: number): Command | MillraceError => {
  if (command instanceof MillraceError) return command
  const bytes = Math.max(...command.args.map(bytesOf))
  if (bytes <= maxBytes) return command
  return new MillraceError(
    'SEND_INVALID',
    `${address}: a value may have ${maxBytes} bytes (proto-max-bulk-len), got ${bytes}; raise it, or send less`,
  )
}

const bytesOf = (argument: RedisArgument): number =>
  typeof argument === 'number' ? 0 : typeof argument === 'string' ? Buffer.byteLength(argument) : argument.byteLength

/** A user that may not ask for the configuration gets Redis's default. */
const maxValueBytes = async (client: RedisClient): Promise<number> => {
  try {
    const [, value] = (await client.call('CONFIG', 'GET', 'proto-max-bulk-len')) as readonly Buffer[]
    return value === undefined ? DEFAULT_MAX_VALUE_BYTES : Number(value.toString())
  } catch (error) {
    if (/^(NOPERM|ERR unknown)/.test(errorInfo(error).message)) return DEFAULT_MAX_VALUE_BYTES
    throw error
  }
}

/** Whether it has what a body alone does not carry. */
const hasMore = ({ key, headers }: OutgoingRecord): boolean => (key ?? null) !== null || (headers?.length ?? 0) > 0

const onceOnly = (run: () => void): (() => void) => {
  let ran: 'no' | 'yes' = 'no'
  return () => {
    if (ran === 'no') run()
    ran = 'yes'
  }
}

/** ioredis knows bytes as Buffers only; the same memory. */
const toArgument = (value: RedisArgument): string | number | Buffer =>
  value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : value
