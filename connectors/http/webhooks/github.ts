/** `X-Hub-Signature-256: sha256=<hex>` over the body. It says no time: a delivery that comes again is told by its id. */
import type { SchemeRules } from './verify.ts'

const SIGNATURE = /^sha256=([0-9a-f]{64})$/i

export const githubRules: SchemeRules = {
  claim({ header, body }) {
    const [, hex] = SIGNATURE.exec(header('x-hub-signature-256') ?? '') ?? []
    if (hex === undefined) return undefined
    return {
      content: [body],
      timestamp: undefined,
      signatures: [Buffer.from(hex, 'hex')],
      id: header('x-github-delivery'),
    }
  },
  key: secret => Buffer.from(secret),
}
