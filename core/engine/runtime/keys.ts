/** The app's store of idempotency keys in an environment: each batch of claims or writes is one round trip to the host. */
import { systemClock } from '../../clock.ts'
import { MillraceError } from '../../errors.ts'
import { functionConsumer, type Offer } from '../../idempotency/offered.ts'
import type { ClaimAnswer, IdempotencyStore, WriteAnswer } from '../../idempotency-store.ts'
import { decodeKeysAnswered, encodeKeysAsked, type KeysAnswered, type KeysAsked } from '../wire/keys.ts'
import { MESSAGE, type Message } from '../wire/message.ts'

export interface Keys {
  readonly offer: Offer
  /** Takes the host's answer to one of the calls. */
  settle(message: Message): void
}

interface Pending {
  readonly resolve: (answers: KeysAnswered) => void
  readonly reject: (error: unknown) => void
}

export const createKeys = (app: () => string, write: (kind: number, id: number, header: string) => void): Keys => {
  const pending = new Map<number, Pending>()
  let calls = 0
  const ask = (asked: KeysAsked): Promise<KeysAnswered> => {
    calls += 1
    const id = calls
    return new Promise((resolve, reject) => {
      pending.set(id, { resolve, reject })
      write(MESSAGE.keys, id, encodeKeysAsked(asked))
    })
  }
  const storeOf = (mapping: string): IdempotencyStore => ({
    claim: async (claims, by) => (await ask({ mapping, claims, by })) as readonly ClaimAnswer[],
    write: async writes => (await ask({ mapping, writes })) as readonly WriteAnswer[],
    show: forOperators,
    remove: forOperators,
    async close() {},
  })
  return {
    offer: mapping => ({ consumer: functionConsumer(app(), mapping), store: storeOf(mapping), clock: systemClock }),
    settle(message) {
      const call = pending.get(message.id)
      pending.delete(message.id)
      try {
        call?.resolve(decodeKeysAnswered(message.header))
      } catch (thrown) {
        call?.reject(thrown)
      }
    },
  }
}

const forOperators = (): Promise<never> =>
  Promise.reject(
    new MillraceError(
      'APP_STATE',
      'a function claims keys and completes them; to look at them is for millrace idempotency',
    ),
  )
