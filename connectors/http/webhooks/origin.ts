/** CloudEvents' protection against being made to send to somebody who never asked: the receiver says whose events it takes. */
import type { IncomingHttpHeaders } from 'node:http'
import type { Answer } from '../answers.ts'

/** Undefined where nobody asks. `allowed`: names of hosts, `*` for any; without the right one the answer grants nothing. */
export const originAnswer = (headers: IncomingHttpHeaders, allowed: readonly string[]): Answer | undefined => {
  const origin = headers['webhook-request-origin']
  if (typeof origin !== 'string' || origin === '') return undefined
  if (!allowed.includes('*') && !allowed.includes(origin)) return undefined
  const rate = headers['webhook-request-rate']
  return {
    status: 200,
    headers: [
      ['allow', 'OPTIONS, POST'],
      ['webhook-allowed-origin', allowed.includes('*') ? '*' : origin],
      ...(rate === undefined ? [] : [['webhook-allowed-rate', '*'] as const]),
    ],
    body: '',
  }
}
