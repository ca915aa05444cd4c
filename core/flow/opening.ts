/** Opens the source of a mapping, however long it takes it to be there. */
import { sleep } from '../clock.ts'
import type { Source } from '../contract.ts'
import { MillraceError, wrapError } from '../errors.ts'
import { endOutage, noteOutage, type Reader } from './outage.ts'
import { atMost, within } from './within.ts'

/** How long a source may take to open before it is given up and tried anew; a group may wait long for its slowest member. */
const OPEN_TIMEOUT_MS = 120_000
/** How long a source may take to close before it is left behind. */
export const CLOSE_TIMEOUT_MS = 10_000
/** Whoever starts a mapping waits no longer than this for a source that neither opens nor fails. */
const START_PATIENCE_MS = 20_000

export interface Opening {
  /** Undefined: `signal` aborted, or it failed for good. */
  readonly source: Promise<Source | undefined>
  /** Resolves when the source is open, or was found not to be there. */
  readonly known: Promise<void>
}

export interface OpeningHooks {
  readonly signal: AbortSignal
  /** It can never be opened. */
  readonly onFatal: (error: MillraceError) => void
}

export const openSource = (flow: Reader, { signal, onFatal }: OpeningHooks): Opening => {
  const { clock } = flow.tools
  const failed = Promise.withResolvers<void>()
  const untilOpen = async (): Promise<Source | undefined> => {
    while (!signal.aborted) {
      try {
        const source = await openInTime(flow, signal)
        endOutage(flow)
        if (!signal.aborted) return source
        await closeQuietly(flow, source)
      } catch (thrown) {
        const error = wrapError('SOURCE_FAILED', `opening ${flow.spec.channel}`, thrown)
        if (error.fatal) {
          onFatal(error)
          return undefined
        }
        if (signal.aborted) return undefined
        const pauseMs = noteOutage(flow, error)
        failed.resolve()
        await sleep(clock, pauseMs, signal)
      }
    }
    return undefined
  }
  const source = untilOpen()
  return { source, known: atMost(clock, START_PATIENCE_MS, Promise.race([source, failed.promise])) }
}

/** One that opens after nobody waits for it any more is closed: it would hold what the next one is to read. */
const openInTime = async (flow: Reader, signal: AbortSignal): Promise<Source> => {
  const { clock, log } = flow.tools
  const opened = flow.tools.openSource(signal)
  let awaited: 'yes' | 'no' = 'yes'
  opened.then(
    source => {
      if (awaited === 'no') void closeQuietly(flow, source)
    },
    error => {
      if (awaited === 'no') log.debug('opening the source failed after it was given up', { error })
    },
  )
  return within(clock, OPEN_TIMEOUT_MS, opened, () => {
    awaited = 'no'
    return new MillraceError('SOURCE_FAILED', `the source was not open within ${OPEN_TIMEOUT_MS} ms`)
  })
}

/** Closes a source; one that does not close in time is left behind. Never rejects. */
export const closeQuietly = async ({ tools: { clock, log } }: Reader, source: Source): Promise<void> => {
  try {
    await within(
      clock,
      CLOSE_TIMEOUT_MS,
      source.close(),
      () => new MillraceError('SOURCE_FAILED', `closing took longer than ${CLOSE_TIMEOUT_MS} ms`),
    )
  } catch (error) {
    log.warn('closing the source failed', { error })
  }
}
