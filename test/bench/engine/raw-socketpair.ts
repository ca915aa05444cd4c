/** What a process costs by itself: the same bytes over the same kind of socket, parsed and answered, and no engine. */
import type { Contestant } from '../contestant.ts'
import { rawChild } from '../raw-child.ts'
import type { Call } from './work.ts'

export const rawSocketpair = (bodies: readonly Uint8Array[], measure: (call: Call) => Promise<number>): Contestant => ({
  name: 'raw socketpair of bytes',
  async open() {
    const child = await rawChild('json')
    const array = Buffer.from(`[${bodies.map(body => Buffer.from(body).toString()).join(',')}]`)
    return { round: () => measure(() => child.roundTrip(array)), close: child.close }
  },
})
