/**
 * A first request takes ten times as long as the ones after it, because of all the code between the host and a function that
 * has never run there. So an environment that is made ready before anybody needs it is given requests for a function of
 * ours (runtime/rehearsal.ts) over the same way, until that code is compiled and knows what it works on.
 */
import { type EncodedRequest, encodeRequest } from '../wire/request.ts'

/** One after the other, before an environment counts as ready; more made no difference. */
export const REHEARSALS = 20

const NAME = 'rehearsal'
const BODY = { id: 'a', lines: [{ sku: 'b', count: 1, note: 'some words' }], total: 1.5, paid: true, at: null }

/** What an app is often asked for: a record of JSON, from a place that counts. */
export const rehearsalRequest = (): EncodedRequest =>
  encodeRequest(
    {
      requestId: NAME,
      mapping: NAME,
      channel: NAME,
      codec: 'json',
      hasSchema: false,
      order: 'none',
      records: [
        {
          record: {
            id: NAME,
            idStrength: 'stable',
            source: NAME,
            time: 1,
            key: NAME,
            headers: [],
            body: Buffer.from(JSON.stringify(BODY)),
            position: { sequence: 1 },
          },
          attempt: 1,
          idempotencyKey: NAME,
          fence: 1,
        },
      ],
    },
    1,
  )
