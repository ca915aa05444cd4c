/** Records that may take the process with them: charged durably before they are invoked, alone (DESIGN 1.12). */
import type { Attempt, Delivery } from '../contract.ts'
import { wrapError } from '../errors.ts'
import type { Entry } from './entry.ts'
import type { Flow } from './flow.ts'

/** One suspect at a time in a whole app: when the process ends there is no doubt which record did it. */
export interface SuspectTurn {
  isFree(): boolean
  take(): void
  giveBack(): void
  /** Calls back whenever the turn is free again, until the answer is called. */
  onFree(run: () => void): () => void
}

export const createSuspectTurn = (): SuspectTurn => {
  const waiting = new Set<() => void>()
  let free = true
  return {
    isFree: () => free,
    take() {
      free = false
    },
    giveBack() {
      free = true
      // Whoever was asked first is asked last next time, so that a mapping full of suspects does not keep the others.
      const [first] = waiting
      if (first) {
        waiting.delete(first)
        waiting.add(first)
      }
      for (const run of [...waiting]) run()
    },
    onFree(run) {
      waiting.add(run)
      return () => waiting.delete(run)
    },
  }
}

/**
 * Writes down that the record is about to be tried: if the process ends now, the next one finds the attempt unfinished.
 * False when that could not be made durable; the record must not be invoked then.
 */
export const chargeSuspect = async (flow: Flow, entry: Entry): Promise<boolean> => {
  const attempt: Attempt = {
    number: entry.charged + 1,
    at: flow.tools.clock.now(),
    error: {
      name: 'HostCrashed',
      code: 'RECORD_CRASHED_HOST',
      message: 'the process ended while this record was being tried',
    },
  }
  const { delivery } = entry
  const history = [...entry.history, attempt]
  try {
    await flow.tools.store.remember(flow.spec.name, delivery.record.source, [
      { id: rememberedId(delivery), attempts: history },
    ])
  } catch (error) {
    flow.lastError = wrapError('STATE_UNAVAILABLE', 'charging a suspect record before it is invoked', error)
    return false
  }
  entry.history = history
  entry.charged += 1
  entry.precharged = 'yes'
  return true
}

/**
 * Takes back the charge made beforehand, when the invocation has ended and can say itself what it came to. Written down
 * as well: the process may end before the verdict is settled, for which this record is not to blame.
 */
export const uncharge = (flow: Flow, entry: Entry): Promise<void> => {
  entry.history = entry.history.slice(0, -1)
  entry.charged -= 1
  entry.precharged = 'no'
  return writeDown(flow, entry)
}

/**
 * So that attempts survive a kill of the process, and so does how long the record is to wait; that they are lost with the
 * disk is the store's trouble to tell.
 */
export const rememberAttempts = (flow: Flow, entry: Entry, waitMs: number): void => {
  if (isRemembered(entry)) void writeDown(flow, entry, waitMs)
}

/**
 * Under which id the store keeps the attempts. Those of the record are in its letter when it is replayed: each time that
 * somebody asks for it, counting begins anew.
 */
export const rememberedId = ({ record, replayOf, firstSeen }: Delivery): string =>
  replayOf === undefined ? record.id : `replay ${replayOf} ${firstSeen}`

/** Of a weak id nothing could be found again, and a replay brings its attempts back, unless it ends the process. */
export const isRemembered = ({ delivery: { record, replayOf } }: Entry): boolean =>
  record.idStrength === 'stable' && replayOf === undefined

/** Never rejects. */
const writeDown = (flow: Flow, { delivery, history, freeSince }: Entry, waitMs = 0): Promise<void> => {
  const { record } = delivery
  const { tools, spec, writing } = flow
  const now = tools.clock.now()
  const due = waitMs > 0 ? { dueAt: now + waitMs } : {}
  const free = freeSince === undefined ? {} : { freeSince: now - Math.round(tools.clock.monotonic() - freeSince) }
  const written = tools.store
    .remember(spec.name, record.source, [{ id: rememberedId(delivery), attempts: history, ...due, ...free }])
    .catch(error => {
      tools.log.warn('an attempt could not be written down; a crash now would forget it', { record: record.id, error })
    })
    .finally(() => writing.delete(written))
  writing.add(written)
  return written
}
