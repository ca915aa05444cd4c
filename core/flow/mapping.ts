/** A mapping from its start to its stop: source, pump, dispatcher and what they share, put together. */
import { createBag } from '../bag.ts'
import type { Cancel } from '../clock.ts'
import { MillraceError } from '../errors.ts'
import { closedBreaker } from './breaker.ts'
import { createCredit } from './credit.ts'
import { type Dispatcher, startDispatcher } from './dispatch.ts'
import { giveBack, lose, parked, settled } from './ending.ts'
import { type Flow, type MappingSpec, newCounters, type Tools } from './flow.ts'
import { createOpenTime } from './open-time.ts'
import { CLOSE_TIMEOUT_MS, closeQuietly, openSource } from './opening.ts'
import { watchClaims } from './overdue.ts'
import { createParker } from './parker.ts'
import { type Pump, type PumpHooks, startPump } from './pump.ts'
import { deferralStep } from './retry.ts'
import { createSettler } from './settler.ts'
import { type MappingStatus, mappingStatus } from './status.ts'
import { resumeStopped, watchStopped } from './stopped.ts'
import { createWaiting } from './waiting.ts'
import { atMost } from './within.ts'

export interface Mapping {
  readonly name: string
  /**
   * Opens the source. Resolves when records are being read, when the mapping was stopped or failed for good, or when the
   * source was found not to be there: then it is waited for, for as long as that takes.
   */
  start(): Promise<void>
  /** Claims nothing more, finishes what runs, gives back the rest. */
  pause(): Promise<void>
  /**
   * Goes on after a pause, also in lanes that stopped behind a dead letter. Rejects with STATE_UNAVAILABLE, and changes
   * nothing, when the store cannot be told that.
   */
  resume(): Promise<void>
  /** Finishes what runs within `drainTimeout`, gives back the rest, closes the source. May be called twice. */
  stop(): Promise<void>
  status(): MappingStatus
}

/** How long a store and a source may take at least to be told what became of records when the mapping stops. */
const VERDICTS_TIMEOUT_MS = 5_000

export const createMapping = (spec: MappingSpec, tools: Tools): Mapping => {
  const { clock, log } = tools
  const stopping = new AbortController()
  /** After this nobody waits for the source or the store any more: what they did not take, closing gives back. */
  const ended = new AbortController()
  let pump: Pump | undefined
  let dispatcher: Dispatcher | undefined
  /** While the source is opened, for the first time or again. */
  let opening: Promise<void> | undefined
  let stopped: Promise<void> | undefined
  let turn: Promise<void> = Promise.resolve()
  let stopWatching: Cancel = () => {}
  let looking: 'soon' | 'no' = 'no'
  const firstKnown = Promise.withResolvers<void>()

  const flow: Flow = {
    spec,
    tools,
    waiting: createWaiting(),
    credit: createCredit(spec.policy, tools.sharedBytes),
    settler: createSettler({
      clock,
      random: tools.random,
      signal: ended.signal,
      settleTimeoutMs: spec.policy.settleTimeoutMs,
      source: () => flow.source,
      onSettled: (entry, settlement) => settled(flow, entry, settlement),
      onTrouble: (error, verdicts) => trouble(error, 'verdicts were not taken by the source; they are kept', verdicts),
      onStuck: () => void reopen(),
    }),
    parker: createParker({
      clock,
      random: tools.random,
      signal: ended.signal,
      timeoutMs: spec.policy.settleTimeoutMs,
      store: tools.store,
      destinations: tools.destinations,
      source: () => flow.source,
      onParked: (entry, rejection, how) => parked(flow, entry, rejection, how),
      onTrouble: (error, letters) => trouble(error, 'dead letters could not be stored; they stay claimed', letters),
    }),
    counters: newCounters(),
    batches: createBag(),
    claims: new Map(),
    ghosts: new Set(),
    lostIds: new Map(),
    recalls: new WeakSet(),
    waits: new Map(),
    writing: new Set(),
    stoppedScopes: new Set(),
    stoppedKnown: Promise.resolve(),
    source: noSource,
    phase: 'starting',
    breaker: closedBreaker,
    openTime: createOpenTime(),
    outage: undefined,
    lastError: undefined,
    healthy: true,
    changed() {
      if (looking === 'soon') return
      looking = 'soon'
      queueMicrotask(lookAgain)
    },
  }
  /** Once for all that changed in one turn, which may be hundreds of records. */
  const lookAgain = (): void => {
    looking = 'no'
    pump?.wake()
    dispatcher?.look()
  }
  const unwatch = [tools.sharedBytes.onRoom(flow.changed), tools.suspectTurn.onFree(flow.changed)]

  const trouble = (error: MillraceError, what: string, records: number): void => {
    flow.lastError = error
    log.warn(what, { records, error })
  }

  /** Pausing, resuming and stopping wait for each other: each finds the mapping as the one before left it. */
  const inTurn = (act: () => Promise<void>): Promise<void> => {
    const done = turn.then(act)
    turn = done.catch(() => {})
    return done
  }

  const open = (before: () => Promise<void>): Promise<void> => {
    opening ??= (async () => {
      await before()
      const opened = openSource(flow, { signal: stopping.signal, onFatal: fail })
      opened.known.then(firstKnown.resolve)
      const source = await opened.source
      opening = undefined
      if (!source) return
      flow.source = source
      if (flow.phase === 'paused') await source.pause()
      else begin()
    })()
    return opening
  }

  const fail = (error: MillraceError): void => {
    flow.phase = 'failed'
    flow.healthy = false
    flow.outage = undefined
    flow.lastError = error
    log.error('the mapping has stopped for good', { error })
  }

  /** Nothing is claimed any more that somebody else could have. */
  const failReading = (error: MillraceError): void => {
    fail(error)
    void inTurn(async () => {
      await halt()
      await closeQuietly(flow, flow.source)
    })
  }

  /** All claims of the old source are lost; verdicts already made are remembered for when their records come again. */
  const reopen = (): Promise<void> =>
    open(async () => {
      log.error('the source takes no verdicts or does not answer; it is reopened')
      // Nothing is asked of a source that is being closed: it would answer at once, again and again.
      if (flow.phase === 'running') flow.phase = 'starting'
      for (const { entries } of [...flow.claims.values()]) for (const entry of entries.members()) lose(flow, entry)
      await closeQuietly(flow, flow.source)
    })

  const pumpHooks: PumpHooks = { onFatal: failReading, onStuck: reopen }

  const begin = (): void => {
    if (flow.phase !== 'starting') return
    flow.phase = 'running'
    dispatcher ??= startDispatcher(flow)
    pump ??= startPump(flow, pumpHooks)
    stopWatching()
    const watches = [watchClaims(flow, { whileIdle }), watchStopped(flow)]
    stopWatching = () => {
      for (const cancel of watches) cancel()
    }
    flow.changed()
  }

  /** Lets `act` run while nothing is polled and nothing lies in the source; what runs goes on. */
  const whileIdle = (act: () => void): Promise<void> =>
    inTurn(async () => {
      if (flow.phase !== 'running' || opening) return
      await pump?.stop()
      pump = undefined
      try {
        await atMost(clock, CLOSE_TIMEOUT_MS, flow.source.pause())
        act()
        await atMost(clock, VERDICTS_TIMEOUT_MS, flow.settler.idle())
        await atMost(clock, CLOSE_TIMEOUT_MS, flow.source.resume())
      } catch (error) {
        log.warn('claims could not be given back in order; it is tried again', { error })
      }
      // Unless it failed, or is being opened anew and begins by itself.
      if (flow.phase === 'running') pump ??= startPump(flow, pumpHooks)
    })

  const pause = async (): Promise<void> => {
    if (flow.phase !== 'running' && flow.phase !== 'starting') return
    flow.phase = 'paused'
    await halt()
    if (!opening && flow.source !== noSource) await flow.source.pause()
  }

  const resume = async (): Promise<void> => {
    await resumeStopped(flow)
    if (flow.phase !== 'paused') return
    flow.phase = 'starting'
    // It begins by itself when the source is there.
    if (opening) return
    await flow.source.resume()
    begin()
  }

  /** Nothing more is claimed or run; what runs may finish within `drainTimeout`, then it is aborted. */
  const halt = async (): Promise<void> => {
    const cancelDeadline = clock.after(spec.policy.drainTimeoutMs, () => {
      log.warn('drainTimeout has passed; what still runs is aborted', { batches: flow.batches.size })
      for (const batch of flow.batches.members())
        batch.abort.abort(new MillraceError('APP_STATE', 'the app is stopping'))
    })
    stopWatching()
    await Promise.all([pump?.stop(), dispatcher?.stop()])
    cancelDeadline()
    pump = undefined
    dispatcher = undefined
    // Verdicts are made: leaving before they are told would have their records processed again.
    const patienceMs = Math.max(spec.policy.drainTimeoutMs, VERDICTS_TIMEOUT_MS)
    await atMost(clock, patienceMs, flow.parker.idle())
    giveBackAll()
    await atMost(clock, patienceMs, flow.settler.idle())
    await atMost(clock, patienceMs, Promise.all(flow.writing))
  }

  /** With their attempts; what was to wait is deferred where the source can keep it. */
  const giveBackAll = (): void => {
    const now = clock.monotonic()
    for (const entry of [...flow.waiting.entries()]) {
      const { scope } = entry
      const waitMs = scope.blockedUntil - now
      const canWait = scope.name === null && Number.isFinite(waitMs) && waitMs > 0
      flow.waiting.remove(entry)
      giveBack(flow, entry, canWait ? deferralStep(Math.ceil(waitMs), flow.source.deferStepsMs) : undefined)
    }
  }

  const stop = async (): Promise<void> => {
    if (flow.phase !== 'failed') flow.phase = 'draining'
    stopping.abort()
    await inTurn(async () => {
      await halt()
      ended.abort()
      if (opening) await atMost(clock, CLOSE_TIMEOUT_MS, opening)
      if (flow.source !== noSource) await closeQuietly(flow, flow.source)
      for (const cancel of unwatch) cancel()
      if (flow.phase !== 'failed') flow.phase = 'stopped'
    })
  }

  return {
    name: spec.name,
    start: () => Promise.race([open(async () => {}), firstKnown.promise]),
    pause: () => inTurn(pause),
    resume: () => inTurn(resume),
    stop() {
      stopped ??= stop()
      return stopped
    },
    status: () => mappingStatus(flow),
  }
}

/** Before there is a source nothing can be asked of it: a mapping that uses it has a mistake in its own order. */
const noSource: Flow['source'] = {
  ordered: false,
  retries: 'core',
  deferStepsMs: [],
  poll: () => Promise.reject(notOpen()),
  settle: () => Promise.reject(notOpen()),
  pause: () => Promise.reject(notOpen()),
  resume: () => Promise.reject(notOpen()),
  close: () => Promise.resolve(),
}

const notOpen = (): MillraceError => new MillraceError('APP_STATE', 'the source of this mapping is not open')
