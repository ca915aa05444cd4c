/**
 * Idempotency keys in Redis: a whole batch is one round trip. Safe when a process of ours dies; not when a server fails over
 * to a replica that had not heard of a claim, which is how Redis replicates.
 */
import { randomInt } from 'node:crypto'
import { systemClock } from '../../core/clock.ts'
import { resolveSecrets } from '../../core/config/secret.ts'
import {
  type ClaimAnswer,
  type ClaimWrite,
  FENCE_MEMORY_MS,
  type IdempotencyStore,
  type KeyClaim,
  type WriteAnswer,
} from '../../core/idempotency-store.ts'
import { type Log, silentLog } from '../../core/log.ts'
import { keyAdviceOn } from './advice.ts'
import type { RedisConnection } from './channel.ts'
import { openClient, type RedisClient } from './connection.ts'
import { redisError } from './failure.ts'
import { CLAIM, WRITE } from './idempotency-scripts.ts'
import { shownKey } from './idempotency-shown.ts'
import {
  claimAnswers,
  claimValues,
  isOfSlot,
  lotsOf,
  lotValues,
  ownerValues,
  packed,
  redisKey,
  slotOf,
  wantedValue,
  writeGroup,
  writeValues,
} from './idempotency-values.ts'
import { mustBeNewEnough, versionOf } from './server.ts'
import type { RedisOptions } from './settings.ts'

const CONNECT_PATIENCE_MS = 10_000

/**
 * A store over a connection of its own, for `idempotent`, `processBatch` or onRecord; a configuration names the connection
 * itself instead. Opened with the first question. Throws SECRET_MISSING.
 */
export const redisIdempotency = (
  connection: RedisConnection,
  { log = silentLog }: { readonly log?: Log } = {},
): IdempotencyStore => {
  const options = resolveSecrets(connection.options, `connections.${connection.name}`, {}) as RedisOptions
  const random = (): number => randomInt(1_000_000) / 1_000_000
  const client = openClient(connection.name, options, 'commands', { clock: systemClock, log, random })
  let opened: Promise<IdempotencyStore> | undefined
  const store = (): Promise<IdempotencyStore> => {
    opened ??= openRedisKeys(connection.name, client, log).catch(error => {
      opened = undefined
      throw error
    })
    return opened
  }
  return {
    claim: async (claims, by) => (await store()).claim(claims, by),
    write: async writes => (await store()).write(writes),
    show: async key => (await store()).show(key),
    remove: async key => (await store()).remove(key),
    close: async () => client.close(),
  }
}

/** Rejects where the server cannot be reached or is too old; warns where it may lose keys. */
export const openRedisKeys = async (name: string, client: RedisClient, log: Log): Promise<IdempotencyStore> => {
  await client.ready(CONNECT_PATIENCE_MS)
  mustBeNewEnough(name, await versionOf(name, client))
  await keyAdviceOn(name, client, log)
  return redisKeys(name, client)
}

const redisKeys = (name: string, client: RedisClient): IdempotencyStore => {
  const asked = async <Answer>(doing: string, ask: () => Promise<Answer>): Promise<Answer> => {
    try {
      return await ask()
    } catch (thrown) {
      throw redisError('IDEMPOTENCY_STORE_FAILED', `${doing} in ${name}`, thrown)
    }
  }
  return {
    claim: (claims, { owner, leaseMs, ttlMs }) =>
      asked('claiming keys', () =>
        inGroups<KeyClaim, ClaimAnswer>(claims, NO_GROUP, async some => {
          const [lot, lotMs] = lotValues(some.length, ttlMs)
          const how = [
            ...ownerValues(owner),
            Math.ceil(leaseMs),
            FENCE_MEMORY_MS,
            lotsOf(some[0]?.key ?? ''),
            lot,
            lotMs,
          ]
          const args = [...how, ...packed(claimValues(some, lotMs))]
          return claimAnswers((await client.run(CLAIM, some.map(keyOf), args)) as readonly Buffer[])
        }),
      ),
    write: writes =>
      asked('writing keys', () =>
        inGroups<ClaimWrite, WriteAnswer>(writes, writeGroup, async some => {
          const [first] = some
          const args = first
            ? [...writeValues(first), FENCE_MEMORY_MS, lotsOf(first.key), ...packed(some.map(wantedValue))]
            : []
          const reply = await client.run(WRITE, some.map(keyOf), args)
          return Array.from(String(reply), letter => (letter === 'h' ? 'held' : 'lost'))
        }),
      ),
    show: key => asked('looking at a key', () => shownKey(client, key)),
    remove: key => asked('removing a key', async () => Number(await client.call('DEL', redisKey(key))) > 0),
    async close() {},
  }
}

const keyOf = ({ key }: { readonly key: string }): string => redisKey(key)

const NO_GROUP = (): string => ''

/** One call for each slot and group, sent together: one for all keys of a batch, or two, where some of its records failed. */
const inGroups = async <Item extends { readonly key: string }, Answer>(
  items: readonly Item[],
  groupOf: (item: Item) => string,
  ask: (some: readonly Item[]) => Promise<readonly Answer[]>,
): Promise<readonly Answer[]> => {
  const [first] = items
  if (!first) return []
  const [slot, group] = [slotOf(first.key), groupOf(first)]
  if (items.every(item => isOfSlot(item.key, slot) && groupOf(item) === group)) return ask(items)
  const groups = Map.groupBy(items.keys(), index => {
    const item = items[index] as Item
    return `${slotOf(item.key)} ${groupOf(item)}`
  })
  const answers: Answer[] = []
  await Promise.all(
    [...groups.values()].map(async indexes => {
      const some = await ask(indexes.map(index => items[index] as Item))
      for (const [at, index] of indexes.entries()) answers[index] = some[at] as Answer
    }),
  )
  return answers
}
