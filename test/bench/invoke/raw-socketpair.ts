/** A child that parses one JSON array of the same records, sent as bytes that the host already holds. */
import type { Contestant } from '../contestant.ts'
import { rawChild } from '../raw-child.ts'
import { BODIES, invocationsPerSecond } from './work.ts'

export const rawSocketpair: Contestant = {
  name: 'raw socketpair round trip',
  async open() {
    const child = await rawChild('json')
    const comma = Buffer.from(',')
    const array = Buffer.concat([
      Buffer.from('['),
      ...BODIES.flatMap((body, index) => (index === 0 ? [body] : [comma, body])),
      Buffer.from(']'),
    ])
    return { round: () => invocationsPerSecond(() => child.roundTrip(array)), close: child.close }
  },
}
