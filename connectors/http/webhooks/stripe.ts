/** `Stripe-Signature: t=<seconds>,v1=<hex>[,v1=<hex>]` over `t.body`. Other schemes in it (v0) are for tests of Stripe's. */
import { type SchemeRules, secondsOf } from './verify.ts'

const SIGNATURE = /^[0-9a-f]{64}$/i

export const stripeRules: SchemeRules = {
  claim({ header, body }) {
    const parts = (header('stripe-signature') ?? '').split(',').map(part => part.trim().split('='))
    const seconds = parts.find(([name]) => name === 't')?.[1]
    const timestamp = secondsOf(seconds)
    const signatures = parts.flatMap(([name, hex]) =>
      name === 'v1' && hex !== undefined && SIGNATURE.test(hex) ? [Buffer.from(hex, 'hex')] : [],
    )
    if (timestamp === undefined || signatures.length === 0) return undefined
    return { content: [`${seconds}.`, body], timestamp, signatures, id: undefined }
  },
  key: secret => Buffer.from(secret),
}

/** The event's own id, which stands in a body that was verified; undefined where there is none. */
export const stripeEventId = (body: Uint8Array): string | undefined => {
  try {
    const { id } = JSON.parse(Buffer.from(body).toString('utf8')) as { readonly id?: unknown }
    return typeof id === 'string' && id !== '' ? id : undefined
  } catch {
    // Whether it is JSON is for the codec to say.
    return undefined
  }
}
