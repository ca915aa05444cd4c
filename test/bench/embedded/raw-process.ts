/** The limit of any isolation by processes: the same bytes to a child over a socketpair and a short answer back, one batch at a time. */
import type { Contestant } from '../contestant.ts'
import { rawChild } from '../raw-child.ts'
import { BATCH_SIZE, BODY, perSecond, RECORDS_A_ROUND } from './work.ts'

export const rawProcess: Contestant = {
  name: 'raw process round trip',
  async open() {
    const child = await rawChild('bytes')
    const batch = Buffer.concat(Array.from({ length: BATCH_SIZE }, () => BODY))
    return {
      round: () =>
        perSecond(RECORDS_A_ROUND, async () => {
          for (let done = 0; done < RECORDS_A_ROUND; done += BATCH_SIZE) await child.roundTrip(batch)
        }),
      close: child.close,
    }
  },
}
