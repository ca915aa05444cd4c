/** A source that cannot be opened or read: waited for, shown by the status, and said in the log without filling it. */
import type { MillraceError } from '../errors.ts'
import type { MappingSpec, Tools } from './flow.ts'
import type { Backoff } from './policy.ts'
import { delayMs } from './retry.ts'

export interface Outage {
  /** Milliseconds since the epoch at which it began. */
  readonly since: number
  /** By the monotonic clock. */
  readonly startedAt: number
  readonly tries: number
  readonly error: MillraceError
  /** When the log last spoke of it, by the monotonic clock. */
  readonly saidAt: number
}

/** What reads a source, as far as its opening and its outages go. */
export interface Reader {
  readonly spec: Pick<MappingSpec, 'channel'>
  readonly tools: Pick<Tools, 'clock' | 'log' | 'random' | 'openSource'>
  /** While the source cannot be opened or read. */
  outage: Outage | undefined
  lastError: MillraceError | undefined
}

const PAUSE: Backoff = { initialMs: 1_000, factor: 2, maxMs: 30_000, jitter: 'full' }
const SHORTEST_PAUSE_MS = 1_000
const SAID_EVERY_MS = 60_000

/** A try failed. Answers how long to wait before the next one: a second at least. Said at once, and then every minute. */
export const noteOutage = (flow: Reader, error: MillraceError): number => {
  const { clock, log, random } = flow.tools
  const now = clock.monotonic()
  const before = flow.outage
  const first = before ?? { since: clock.now(), startedAt: now, tries: 0, saidAt: now }
  const isToBeSaid = before === undefined || now - first.saidAt >= SAID_EVERY_MS
  const tries = first.tries + 1
  flow.outage = { ...first, tries, error, saidAt: isToBeSaid ? now : first.saidAt }
  flow.lastError = error
  const fields = { error, tries, forMs: Math.round(now - first.startedAt) }
  if (!before) log.warn('the source cannot be read; it is waited for', fields)
  else if (isToBeSaid) log.warn('the source still cannot be read; it is waited for', fields)
  else log.debug('the source still cannot be read', fields)
  return Math.max(SHORTEST_PAUSE_MS, delayMs({ tries, charge: 'free' }, PAUSE, random()))
}

/** It was opened, or read. */
export const endOutage = (flow: Reader): void => {
  const { outage, tools } = flow
  if (!outage) return
  flow.outage = undefined
  const forMs = Math.round(tools.clock.monotonic() - outage.startedAt)
  tools.log.info('the source can be read again', { tries: outage.tries, forMs })
}
