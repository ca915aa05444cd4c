/** What a mapping's filter makes of records that come in: most mappings have none, and then nothing is asked. */
import type { Delivery, ErrorInfo, EventRecord } from '../contract.ts'
import { errorInfo, MillraceError } from '../errors.ts'
import type { Flow } from './flow.ts'
import { within } from './within.ts'

/** `error`: the filter needs what is in the body, and it cannot be read. Such a record is parked, never passed over. */
export type FilterVerdict = 'matches' | 'filtered' | { readonly error: ErrorInfo }

export type RecordFilter = (record: EventRecord) => FilterVerdict | Promise<FilterVerdict>

/** Never rejects, and ends in time: a codec that never answers makes a record unreadable. Replays somebody has asked for. */
export const filterAll = (
  { tools: { filter, clock }, spec }: Pick<Flow, 'tools' | 'spec'>,
  deliveries: readonly Delivery[],
): readonly FilterVerdict[] | Promise<readonly FilterVerdict[]> => {
  if (!filter) return deliveries.map(() => 'matches')
  const { settleTimeoutMs } = spec.policy
  const verdicts = deliveries.map(delivery => judge(filter, delivery))
  if (!verdicts.some(verdict => verdict instanceof Promise)) return verdicts as FilterVerdict[]
  return Promise.all(
    verdicts.map(verdict =>
      verdict instanceof Promise
        ? within(clock, settleTimeoutMs, verdict, () => hung(settleTimeoutMs)).catch(failed)
        : verdict,
    ),
  )
}

const hung = (afterMs: number): MillraceError =>
  new MillraceError('RECORD_UNDECODABLE', `the codec that the filter needs has not answered within ${afterMs} ms`)

const judge = (filter: RecordFilter, { record, replayOf }: Delivery): FilterVerdict | Promise<FilterVerdict> => {
  if (replayOf !== undefined) return 'matches'
  try {
    const verdict = filter(record)
    return verdict instanceof Promise ? verdict.catch(failed) : verdict
  } catch (thrown) {
    return failed(thrown)
  }
}

const failed = (thrown: unknown): FilterVerdict => ({ error: errorInfo(thrown) })
