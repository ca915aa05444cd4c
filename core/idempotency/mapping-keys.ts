/** The keys of the records of a batch, as the host sees them before a function does. */
import type { AnyChannel } from '../config/channel.ts'
import type { IdempotencyValue } from '../config/idempotency-options.ts'
import type { EventRecord } from '../contract.ts'
import { wrapError } from '../errors.ts'
import { type Decoded, decoderOf } from '../event/decode.ts'
import { checkedText } from '../event/text.ts'
import type { KeyClaim } from '../idempotency-store.ts'
import { fingerprintOf, shownWith, storedKey } from './key.ts'
import { readerOf } from './path.ts'

export type Keyed =
  | (KeyClaim & { readonly kind: 'keyed'; readonly shown: string })
  /** Its body is nothing that anybody can read: its function is to refuse it. */
  | { readonly kind: 'undecodable' }
  | { readonly kind: 'keyless'; readonly error: Error }

export type ReadKeys = (records: readonly EventRecord[]) => Promise<readonly Keyed[]>

/** Bodies are decoded by the channel's codec; its schema is for the function. */
export const keyReader = (consumer: string, channel: AnyChannel, options: IdempotencyValue): ReadKeys => {
  const decode = decoderOf({ ...channel, schema: undefined })
  const read = typeof options.key === 'function' ? options.key : readerOf('idempotency.key', options.key)
  const byId = options.key === 'record.id' || options.key === 'id'
  const payloadOf = typeof options.validate === 'function' ? options.validate : undefined
  const keyOf = (record: EventRecord, decoded: Decoded): Keyed => {
    if (decoded.verdict) return { kind: 'undecodable' }
    try {
      if (byId && record.idStrength === 'weak') throw new TypeError(WEAK)
      const { data } = decoded
      const keyed = { ...record, data }
      const key = read(keyed)
      const payload = options.validate === true ? data : payloadOf?.(keyed)
      const fingerprint = options.validate === false ? '' : fingerprintOf(consumer, payload)
      const stored = storedKey(consumer, key)
      return { kind: 'keyed', key: stored, fingerprint, shown: shownWith(key, stored) }
    } catch (thrown) {
      return {
        kind: 'keyless',
        error: wrapError('IDEMPOTENCY_KEY_INVALID', `${consumer}: no key could be read`, thrown),
      }
    }
  }
  return records =>
    Promise.all(
      records.map(record => {
        const decoded = decode(record.body, checkedText)
        return decoded instanceof Promise ? decoded.then(done => keyOf(record, done)) : keyOf(record, decoded)
      }),
    )
}

const WEAK =
  'its source has no ids that stay the same when a record comes again (idStrength weak); take a key from its data'
