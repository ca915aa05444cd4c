/** What an operator is shown of a key: what its value says, and where that says claimed, what its lot says. */
import { errorInfo } from '../../core/errors.ts'
import type { StoredKey } from '../../core/idempotency-store.ts'
import type { RedisClient } from './connection.ts'
import { DONE, lotsOf, readValue, redisKey, type Value } from './idempotency-values.ts'

/** Undefined for a key of which nothing is known. Rejects as Redis does. */
export const shownKey = async (client: RedisClient, key: string): Promise<StoredKey | undefined> => {
  const at = redisKey(key)
  const value = await textOf(client.call('GET', at))
  if (value === null) return undefined
  const found = await resolved(client, key, value && readValue(value))
  const [left, time] = await Promise.all([client.call('PTTL', found?.lot ?? at), client.call('TIME')])
  return shown(key, found?.value, Number(left), millisecondsOf(time as readonly Buffer[]))
}

/** With its lot, where that is why it is done; undefined for what is damaged. */
const resolved = async (client: RedisClient, key: string, value: Value | undefined) => {
  if (value?.state !== 'claimed' || !value.lot) return value && { value }
  const lot = `${lotsOf(key)}${value.lot.name}`
  const place = value.lot.place - 1
  const letter = await textOf(client.call('GETRANGE', lot, place, place))
  if (!letter) return undefined
  return String(letter) === DONE ? { value: { ...value, state: 'done' as const }, lot } : { value }
}

/** Null where there is none, undefined where there is something else. */
const textOf = async (asked: Promise<unknown>): Promise<Buffer | null | undefined> => {
  try {
    return (await asked) as Buffer | null
  } catch (thrown) {
    if (errorInfo(thrown).message.startsWith('WRONGTYPE')) return undefined
    throw thrown
  }
}

const millisecondsOf = ([seconds, micros]: readonly Buffer[]): number =>
  Number(String(seconds)) * 1_000 + Math.floor(Number(String(micros)) / 1_000)

const shown = (key: string, value: Value | undefined, leftMs: number, now: number): StoredKey => {
  const expiresInMs = leftMs < 0 ? Number.POSITIVE_INFINITY : leftMs
  if (!value) return { key, state: 'unreadable', owner: '', fence: 0, expiresInMs, fingerprint: '', result: '' }
  const { leaseUntil, lot: _, ...told } = value
  return { key, ...told, expiresInMs, ...(value.state === 'claimed' ? { leaseLeftMs: leaseUntil - now } : {}) }
}
