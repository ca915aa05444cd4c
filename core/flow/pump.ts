/**
 * The loop of the house, written once: asks the source for as much as there is credit for, and lets it in.
 * Zero credit, an open breaker or a pause: nothing is asked for.
 */
import { sleep } from '../clock.ts'
import type { PollRequest } from '../contract.ts'
import { MillraceError, wrapError } from '../errors.ts'
import { admit } from './admit.ts'
import { laneShare } from './credit.ts'
import type { Flow } from './flow.ts'
import { endOutage, noteOutage } from './outage.ts'
import { within } from './within.ts'

export interface Pump {
  /** Looks again whether something is to be asked for; ends a poll that is not wanted any more. */
  wake(): void
  /** Ends the loop; what a poll under way has claimed is let in first. */
  stop(): Promise<void>
}

export interface PumpHooks {
  /** Reading can never work: the mapping is over. */
  readonly onFatal: (error: MillraceError) => void
  /** A poll neither answered nor ended when it was told to: the source must be reopened. Resolves when it is. */
  readonly onStuck: () => Promise<void>
}

const POLL_WAIT_MS = 5_000
/** How long after its `waitMs` a poll may still answer. */
const POLL_GRACE_MS = 30_000

export const startPump = (flow: Flow, hooks: PumpHooks): Pump => {
  const { clock } = flow.tools
  const stopping = new AbortController()
  let polling: AbortController | undefined
  let skipped: ReadonlySet<string> = new Set()
  let looking: 'soon' | 'no' = 'no'
  let wakeUp: (() => void) | undefined

  const woken = (): Promise<void> =>
    new Promise(resolve => {
      wakeUp = resolve
    })

  const poll = async (wanted: Wanted): Promise<void> => {
    polling = new AbortController()
    skipped = wanted.skipLanes
    try {
      const request: PollRequest = { ...wanted, waitMs: POLL_WAIT_MS, signal: polling.signal }
      const deliveries = await within(clock, POLL_WAIT_MS + POLL_GRACE_MS, flow.source.poll(request), silent)
      polling = undefined
      endOutage(flow)
      await admit(flow, deliveries, stopping.signal)
    } catch (thrown) {
      // One that has not answered in time may still claim records, which nobody would wait for.
      polling?.abort(NOT_WANTED)
      polling = undefined
      await failed(wrapError('SOURCE_FAILED', `reading ${flow.spec.channel}`, thrown))
    }
  }

  const failed = async (error: MillraceError): Promise<void> => {
    if (error.fatal) {
      stopping.abort()
      return hooks.onFatal(error)
    }
    const pauseMs = noteOutage(flow, error)
    if (error === stuck) await hooks.onStuck()
    await sleep(clock, pauseMs, stopping.signal)
  }

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const wanted = whatToAsk(flow)
      if (wanted) await poll(wanted)
      else await woken()
    }
  }

  /** A poll that left a lane out would go on leaving it out for as long as it waits. */
  const look = (): void => {
    looking = 'no'
    const wanted = polling ? whatToAsk(flow) : undefined
    if (wanted && [...skipped].some(lane => !wanted.skipLanes.has(lane))) polling?.abort(NOT_WANTED)
  }

  const ended = run()
  return {
    wake() {
      wakeUp?.()
      if (!polling) return
      if (!mayAsk(flow)) polling.abort(NOT_WANTED)
      else if (skipped.size > 0 && looking === 'no') {
        looking = 'soon'
        queueMicrotask(look)
      }
    },
    async stop() {
      stopping.abort()
      polling?.abort(NOT_WANTED)
      wakeUp?.()
      await ended
    },
  }
}

type Wanted = Pick<PollRequest, 'max' | 'maxPerLane' | 'maxBytes' | 'skipLanes'>

/** What the mapping may claim now; undefined: nothing. A pure function of the flow's state. */
export const whatToAsk = (flow: Flow): Wanted | undefined => {
  if (!mayAsk(flow)) return undefined
  const { policy } = flow.spec
  const left = flow.credit.left()
  if (left.records === 0 || left.bytes === 0) return undefined
  const lanes = [...flow.credit.lanes()]
  const share = laneShare(policy, lanes.length)
  const skipLanes = blockedLanes(flow)
  // One number for all lanes: what is left to the fullest of them. It is left out next time, and the others get more.
  let fullest = 0
  for (const lane of lanes) {
    const held = flow.credit.inLane(lane)
    if (held >= share) skipLanes.add(lane)
    else if (!skipLanes.has(lane)) fullest = Math.max(fullest, held)
  }
  const max = flow.breaker.state === 'open' ? 1 : Math.min(left.records, MAX_POLL)
  return { max, maxPerLane: Math.min(max, share - fullest), maxBytes: left.bytes, skipLanes }
}

/** A larger poll would only hold up the event loop. */
const MAX_POLL = 1_000

/**
 * An open breaker asks for one record, and only when there is none that was in no probe yet: were the same one tried for
 * ever, a single poisonous record could keep the breaker open.
 */
const mayAsk = (flow: Flow): boolean =>
  flow.phase === 'running' && (flow.breaker.state === 'closed' || flow.waiting.probes() !== 'fresh')

/** Lanes from which nothing could run: an ordered lane that waits, and lanes whose waiting keys hold half the credit. */
const blockedLanes = (flow: Flow): Set<string> => {
  const { order, maxInFlight } = flow.spec.policy
  if (order === 'none') return new Set()
  const blocked = [...flow.waiting.blocked()]
  const held = blocked.reduce((sum, scope) => sum + scope.queue.length, 0)
  const stopped = order === 'lane' ? flow.stoppedScopes : []
  return new Set([...stopped, ...(order === 'lane' || 2 * held > maxInFlight ? blocked.map(scope => scope.lane) : [])])
}

/** One for all: a reason of its own for each abort is an error with its stack, and polls are aborted often. */
const NOT_WANTED = new DOMException('the poll is not wanted any more', 'AbortError')

const stuck = new MillraceError('SOURCE_FAILED', 'the source has not answered a poll in time')

const silent = (): MillraceError => stuck
