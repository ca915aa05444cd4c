/** The idempotency keys of an app, as operators see them. */
import type { AppKeys, FoundKey } from './app-contract.ts'
import type { ResolvedConfig } from './config/resolved.ts'
import { fromCanonicalText } from './idempotency/canonical.ts'
import { storedKey } from './idempotency/key.ts'
import { functionConsumer, mappingConsumer } from './idempotency/offered.ts'
import type { IdempotencyStore } from './idempotency-store.ts'
import type { KeyStores } from './key-stores.ts'

/** As stores have it: what errors and records name a key by. */
const STORED = /^[\x21-\x7e]+:[A-Za-z0-9_-]{43}$/

interface Place {
  readonly key: string
  readonly store: IdempotencyStore
}

/** `stores` opens them when they are not open yet. */
export const appKeysOf = (stores: () => KeyStores, config: () => ResolvedConfig): AppKeys => {
  const find = async (key: string, mapping?: string): Promise<readonly (FoundKey & Place)[]> => {
    const found = await Promise.all(
      placesOf(stores(), config(), key, mapping).map(async place => {
        const stored = await place.store.show(place.key)
        return stored ? [{ ...place, consumer: place.key.slice(0, place.key.lastIndexOf(':')), stored }] : []
      }),
    )
    return found.flat()
  }
  return {
    find: async (key, { mapping } = {}) =>
      (await find(key, mapping)).map(({ consumer, stored }) => ({ consumer, stored })),
    async release(key, { mapping } = {}) {
      const found = await find(key, mapping)
      for (const { store, stored } of found) await store.remove(stored.key)
      return found.map(({ consumer, stored }) => ({ consumer, stored }))
    },
  }
}

/** Where it may be: under every mapping, by the mapping's own idempotency and by its function's, as text and as JSON. */
const placesOf = (
  stores: KeyStores,
  { name: app, mappings }: ResolvedConfig,
  key: string,
  only: string | undefined,
): readonly Place[] => {
  const asked = mappings.filter(({ name }) => only === undefined || name === only)
  const mapped = asked.flatMap(({ name }) =>
    [mappingConsumer(app, name), functionConsumer(app, name)].flatMap(consumer =>
      storedReadings(consumer, key).map(stored => ({ key: stored, store: stores.of(name) })),
    ),
  )
  if (!STORED.test(key)) return mapped
  const everywhere = new Set([stores.ofApp(), ...asked.map(({ name }) => stores.of(name))])
  return [...[...everywhere].map(store => ({ key, store })), ...mapped]
}

/** A command line has texts only: `7` may be the number as well, and `{"$bytes":"AAE="}` the bytes that an error wrote so. */
const storedReadings = (consumer: string, key: string): readonly string[] => {
  const others = [JSON.parse, fromCanonicalText].flatMap(read => {
    try {
      const value: unknown = read(key)
      return typeof value === 'string' ? [] : [storedKey(consumer, value)]
    } catch {
      // Not written so, or no key.
      return []
    }
  })
  return [...new Set([storedKey(consumer, key), ...others])]
}
