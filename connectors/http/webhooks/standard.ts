/** Standard Webhooks: `webhook-signature: v1,<base64> …` over `id.timestamp.body`. Of its versions, v1 (HMAC) is taken. */
import { type SchemeRules, secondsOf } from './verify.ts'

const PREFIX = 'whsec_'
/** A dot in an id would let one message be read as another. */
const ID = /^[^.\s]{1,255}$/
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/
const SIGNATURE_CHARS = 44
/** What the specification asks of a secret is 24 to 64 bytes; shorter ones are in use. */
const LEAST_KEY_BYTES = 16

export const standardRules: SchemeRules = {
  claim({ header, body }) {
    const id = header('webhook-id')
    const seconds = header('webhook-timestamp')
    const timestamp = secondsOf(seconds)
    const signatures = (header('webhook-signature') ?? '')
      .split(' ')
      .flatMap(each =>
        each.startsWith('v1,') && each.length === SIGNATURE_CHARS + 3 && BASE64.test(each.slice(3))
          ? [Buffer.from(each.slice(3), 'base64')]
          : [],
      )
    if (id === undefined || !ID.test(id) || timestamp === undefined || signatures.length === 0) return undefined
    return { content: [`${id}.${seconds}.`, body], timestamp, signatures, id }
  },
  key(secret) {
    const text = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret
    const key = BASE64.test(text) ? Buffer.from(text, 'base64') : undefined
    return key && key.byteLength >= LEAST_KEY_BYTES ? key : undefined
  },
}
