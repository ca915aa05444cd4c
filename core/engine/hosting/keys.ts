/** What an environment asks of the app's store of idempotency keys. */
import { MillraceError } from '../../errors.ts'
import { functionConsumer } from '../../idempotency/offered.ts'
import type { Host } from '../contract.ts'
import { decodeKeysAsked, encodeKeysAnswered, encodeKeysError, type KeysAsked } from '../wire/keys.ts'

/** The header of the reply. Never rejects. */
export const answerKeys = async (app: string, host: Pick<Host, 'keys'>, header: string): Promise<string> => {
  try {
    const asked = decodeKeysAsked(header)
    mustBeItsOwn(app, asked)
    const store = host.keys?.(asked.mapping)
    if (!store) throw new MillraceError('IDEMPOTENCY_STORE_FAILED', 'what runs this function keeps no idempotency keys')
    return encodeKeysAnswered(
      'claims' in asked ? await store.claim(asked.claims, asked.by) : await store.write(asked.writes),
    )
  } catch (thrown) {
    return encodeKeysError(thrown)
  }
}

/** A slip in one function must not be another's duplicate. */
const mustBeItsOwn = (app: string, asked: KeysAsked): void => {
  const prefix = `${functionConsumer(app, asked.mapping)}:`
  const keys = 'claims' in asked ? asked.claims : asked.writes
  const foreign = keys.find(({ key }) => !key.startsWith(prefix))
  if (foreign)
    throw new MillraceError(
      'IDEMPOTENCY_STORE_FAILED',
      `the key ${JSON.stringify(foreign.key)} is none of ${asked.mapping}; keys of others are not for this function`,
    )
}
