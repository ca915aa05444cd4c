/** Stripe's signatures, made as https://docs.stripe.com/webhooks#verify-manually says. */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { stripeWebhooks, verifierOf } from '../../../connectors/http/webhooks/schemes.ts'
import type { Verified } from '../../../connectors/http/webhooks/verify.ts'

const OLD = 'whsec_of_last_year'
const NEW = 'whsec_of_this_year'
const SECONDS = 1_700_000_000
const BODY = '{"id":"evt_1","type":"invoice.paid"}'

const signature = (secret: string, seconds = SECONDS, body = BODY): string =>
  createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')

const verify = verifierOf('api/stripe', {
  ...stripeWebhooks([OLD, NEW], { tolerance: '5m' }),
  secrets: [OLD, NEW],
})

const verified = (header: string | undefined, { body = BODY, laterSeconds = 0 } = {}): Verified =>
  verify(
    { header: name => (name === 'stripe-signature' ? header : undefined), body: Buffer.from(body) },
    (SECONDS + laterSeconds) * 1_000,
  )

for (const [what, header] of [
  ['one signature', `t=${SECONDS},v1=${signature(NEW)}`],
  ['the secret that is being exchanged', `t=${SECONDS},v1=${signature(OLD)}`],
  ['several signatures, one of them right', `t=${SECONDS},v1=${signature('another')},v1=${signature(NEW)}`],
  ['other schemes beside it', `t=${SECONDS},v0=${signature('test')},v1=${signature(NEW)}`],
  ['spaces between the parts', `t=${SECONDS}, v1=${signature(NEW)}`],
] as const)
  test(`Stripe: ${what} is taken, and the event's own id tells repetitions`, () => {
    assert.deepEqual(verified(header), { id: 'evt_1' })
  })

const MALFORMED = { refused: 'the signature is missing or malformed' }
const WRONG = { refused: 'the signature does not fit the body' }

for (const [what, header, refused] of [
  ['nothing', undefined, MALFORMED],
  ['a header without a time', `v1=${signature(NEW)}`, MALFORMED],
  ['a time that only begins like one', `t=${SECONDS}abc,v1=${signature(NEW)}`, MALFORMED],
  ['only a scheme of tests', `t=${SECONDS},v0=${signature(NEW)}`, MALFORMED],
  ['a signature that is cut short', `t=${SECONDS},v1=${signature(NEW).slice(2)}`, MALFORMED],
  ['a secret of somebody else', `t=${SECONDS},v1=${signature('another')}`, WRONG],
  ['a time that was not signed', `t=${SECONDS + 1},v1=${signature(NEW)}`, WRONG],
] as const)
  test(`Stripe: ${what} is refused`, () => {
    assert.deepEqual(verified(header), refused)
  })

test('Stripe: another body is refused, and so is a signature beyond the tolerance, whichever way', () => {
  const header = `t=${SECONDS},v1=${signature(NEW)}`
  assert.deepEqual(verified(header, { body: `${BODY} ` }), WRONG)
  assert.deepEqual(verified(header, { laterSeconds: 300 }), { id: 'evt_1' })
  assert.deepEqual(verified(header, { laterSeconds: 301 }), { refused: 'the signature is too old' })
  assert.deepEqual(verified(header, { laterSeconds: -301 }), { refused: 'the signature is too new' })
})

test('Stripe: a body that is no JSON, or has no id, is signed all the same', () => {
  for (const body of ['no JSON', '{"id":7}', 'null'])
    assert.deepEqual(verified(`t=${SECONDS},v1=${signature(NEW, SECONDS, body)}`, { body }), { id: undefined }, body)
})
