/**
 * A mapping of requests from its start to its stop. Nothing is batched, retried or parked here: what is taken is answered
 * once, and whoever asked comes again by himself. Beside it stands `flow/mapping.ts`, for records.
 */
import { sleep } from '../../clock.ts'
import type { Source } from '../../contract.ts'
import { MillraceError, wrapError } from '../../errors.ts'
import { closedBreaker } from '../breaker.ts'
import { newCounters } from '../flow.ts'
import type { Mapping } from '../mapping.ts'
import { CLOSE_TIMEOUT_MS, closeQuietly, openSource } from '../opening.ts'
import { endOutage, noteOutage } from '../outage.ts'
import { atMost } from '../within.ts'
import { createRequestDispatcher } from './dispatch.ts'
import type { RequestFlow, RequestSpec, RequestTools } from './flow.ts'
import { requestStatus } from './status.ts'

const POLL_WAIT_MS = 5_000
/** Taken with one poll at most: more would only hold up the event loop. */
const MAX_POLL = 1_000
/** How long what was aborted may take to end. */
const ABORT_TIMEOUT_MS = 5_000

export const createRequestMapping = (spec: RequestSpec, tools: RequestTools): Mapping => {
  const { clock, log } = tools
  const stopping = new AbortController()
  let reading: Promise<void> = Promise.resolve()
  let stopped: Promise<void> | undefined

  const flow: RequestFlow = {
    spec,
    tools,
    counters: newCounters(),
    waiting: [],
    source: noSource,
    phase: 'starting',
    breaker: closedBreaker,
    inFlight: 0,
    running: 0,
    probing: 'no',
    healthy: true,
    outage: undefined,
    lastError: undefined,
  }
  const dispatcher = createRequestDispatcher(flow)

  const fail = (error: MillraceError): void => {
    flow.phase = 'failed'
    flow.healthy = false
    flow.outage = undefined
    flow.lastError = error
    log.error('the mapping has stopped for good', { error })
  }

  const start = async (): Promise<void> => {
    const opening = openSource(flow, { signal: stopping.signal, onFatal: fail })
    reading = opening.source.then(source => source && read(source))
    await opening.known
  }

  const read = async (source: Source): Promise<void> => {
    flow.source = source
    if (flow.phase === 'paused') await source.pause()
    else if (flow.phase === 'starting') flow.phase = 'running'
    while (!stopping.signal.aborted) {
      try {
        for (const delivery of await source.poll(pollRequest(stopping.signal))) dispatcher.take(delivery)
        endOutage(flow)
      } catch (thrown) {
        const error = wrapError('SOURCE_FAILED', `reading ${spec.channel}`, thrown)
        if (error.fatal) return fail(error)
        await sleep(clock, noteOutage(flow, error), stopping.signal)
      }
    }
  }

  /** What runs or waits for an environment may end within `drainTimeout`; then the source gives up what is left. */
  const stop = async (): Promise<void> => {
    if (flow.phase !== 'failed') flow.phase = 'draining'
    if (flow.source !== noSource) flow.source.drain?.()
    stopping.abort()
    await reading
    await atMost(clock, spec.policy.drainTimeoutMs, dispatcher.idle())
    dispatcher.close()
    if (flow.inFlight > 0) log.warn('drainTimeout has passed; what still runs is aborted', { requests: flow.inFlight })
    if (flow.source !== noSource) await closeQuietly(flow, flow.source)
    await atMost(clock, ABORT_TIMEOUT_MS, dispatcher.idle())
    if (flow.phase !== 'failed') flow.phase = 'stopped'
  }

  return {
    name: spec.name,
    start,
    async pause() {
      if (flow.phase !== 'running' && flow.phase !== 'starting') return
      flow.phase = 'paused'
      if (flow.source !== noSource) await flow.source.pause()
      await atMost(clock, spec.policy.drainTimeoutMs, dispatcher.idle())
    },
    async resume() {
      if (flow.phase !== 'paused') return
      flow.phase = flow.source === noSource ? 'starting' : 'running'
      if (flow.source !== noSource) await atMost(clock, CLOSE_TIMEOUT_MS, flow.source.resume())
    },
    stop() {
      stopped ??= stop()
      return stopped
    },
    status: () => requestStatus(flow),
  }
}

const pollRequest = (signal: AbortSignal) => ({
  max: MAX_POLL,
  maxPerLane: MAX_POLL,
  maxBytes: Number.POSITIVE_INFINITY,
  waitMs: POLL_WAIT_MS,
  skipLanes: NONE,
  signal,
})

const NONE: ReadonlySet<string> = new Set()

const notOpen = (): Promise<never> =>
  Promise.reject(new MillraceError('APP_STATE', 'the source of this mapping is not open'))

const noSource: Source = {
  ordered: false,
  retries: 'caller',
  deferStepsMs: [],
  poll: notOpen,
  settle: notOpen,
  pause: notOpen,
  resume: notOpen,
  close: () => Promise.resolve(),
}
