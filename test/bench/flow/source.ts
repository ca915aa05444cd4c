/** A source whose records are there before it is read: all it does is hand them out. */
import type { Delivery, EventRecord, PollRequest, Source } from '../../../core/contract.ts'
import { BODY_BYTES, CHANNEL } from './work.ts'

export interface MemorySource extends Source {
  /** So many more records, as often as it is called. Resolves when all are settled. */
  give(records: number): Promise<void>
}

const BODY = new Uint8Array(BODY_BYTES).fill(120)
const NEVER = new AbortController().signal

export const memorySource = (lanes: number): MemorySource => {
  let left = 0
  let unsettled = 0
  let given = 0
  let waiting: (() => void) | undefined
  let ended: (() => void) | undefined

  const take = ({ max, maxPerLane, skipLanes }: PollRequest): readonly Delivery[] => {
    const taken: Delivery[] = []
    for (let lane = 0; lane < lanes; lane += 1) {
      if (skipLanes.has(`lane-${lane}`)) continue
      const count = Math.min(maxPerLane, max - taken.length, left)
      for (let index = 0; index < count; index += 1) taken.push(deliver(`lane-${lane}`, given + index))
      given += count
      left -= count
    }
    return taken
  }
  return {
    ordered: true,
    retries: 'core',
    deferStepsMs: [],
    async poll(request) {
      for (;;) {
        const taken = take(request)
        if (taken.length > 0 || request.signal.aborted) return taken
        await new Promise<void>(resolve => {
          waiting = resolve
          request.signal.addEventListener('abort', () => resolve(), { once: true })
        })
      }
    },
    async settle(settlements) {
      unsettled -= settlements.length
      if (unsettled === 0) ended?.()
      return []
    },
    give(records) {
      left = records
      unsettled = records
      waiting?.()
      return new Promise(resolve => {
        ended = resolve
      })
    },
    pause: async () => undefined,
    resume: async () => undefined,
    close: async () => undefined,
  }
}

const deliver = (lane: string, number: number): Delivery => ({
  record: recordOf(lane, number),
  lane,
  attempts: 0,
  firstSeen: Date.now(),
  priorDeliveries: 0,
  lost: NEVER,
})

const recordOf = (lane: string, number: number): EventRecord => ({
  id: `${lane}/${number}`,
  idStrength: 'stable',
  source: CHANNEL,
  time: 1_767_225_600_000 + number,
  key: `key-${number % 97}`,
  headers: [],
  body: BODY,
  position: { lane, offset: number },
})
