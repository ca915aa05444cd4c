/**
 * The source of a queue: `poll` and `settle` over a session, and another session whenever one has failed. What a failed
 * one had claimed is lost, and the broker delivers it again.
 */
import { type Clock, sleepUnless } from '../../core/clock.ts'
import type { Delivery, PollRequest, Source } from '../../core/contract.ts'
import type { MillraceError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { renewal, renewalCount } from './again.ts'
import { deliver } from './claims.ts'
import type { Link, Opened } from './connection.ts'
import { type Delays, delayStepsMs } from './delays.ts'
import { rabbitError } from './failure.ts'
import type { Publisher } from './publisher.ts'
import type { Place } from './record.ts'
import { openSession, type Session } from './session.ts'
import { settle } from './settling.ts'

export interface SourceTools {
  readonly clock: Clock
  readonly log: Log
  /** The connection for reading. */
  readonly link: Link
  readonly place: Place
  readonly group: string
  /** The mapping's credit in records. */
  readonly maxInFlight: number
  /** Milliseconds after which the broker takes back what is not acknowledged. */
  readonly ackTimeoutMs: number
  /** Of the queue, as far as it is known. */
  readonly deliveryLimit: number | 'unknown'
  /** The queue is there: rejects with what is in the way. */
  readonly prepare: (opened: Opened) => Promise<void>
  /** To the same broker, for records that are published again; closed with the source. */
  readonly publisher: Publisher
  /** Of the queue; shared with who sends to it. */
  readonly delays: Delays
  readonly onClosed: () => void
}

interface State {
  phase: 'open' | 'paused' | 'closed'
  session: Session | undefined
  deferStepsMs: readonly number[]
  opening: Promise<void> | undefined
  /** Why the last session could not be opened, until a poll has said so. */
  failure: MillraceError | undefined
  /** Resolves with the next thing a poll may wait for. */
  news: PromiseWithResolvers<void>
  closing: Promise<void> | undefined
}

/** How long a broker that is away is waited for before that is said; the connection is tried on meanwhile. */
const OPEN_PATIENCE_MS = 3_000
/** AMQP counts a prefetch in 16 bits. */
const MOST_PREFETCH = 65_535
/** Of the broker's patience with what is not acknowledged: how much may be spent waiting to be handed out. */
const MAILBOX_SHARE = 0.2

/** Rejects when the broker cannot be reached or the queue is not there. */
export const openSource = async (tools: SourceTools): Promise<Source> => {
  const { place, publisher, ackTimeoutMs } = tools
  const state: State = {
    phase: 'open',
    session: undefined,
    deferStepsMs: [],
    opening: undefined,
    failure: undefined,
    news: Promise.withResolvers(),
    closing: undefined,
  }
  await opening(tools, state)
  if (state.failure) {
    await publisher.close()
    throw state.failure
  }
  return {
    ordered: false,
    retries: 'core',
    get deferStepsMs() {
      return state.deferStepsMs
    },
    maxClaimMs: ackTimeoutMs * (1 - MAILBOX_SHARE),
    poll: request => poll(tools, state, request),
    settle: async settlements => {
      const answer = await settle({ ...tools, onCannotDefer: () => cannotDefer(state) }, settlements)
      tell(state)
      return answer
    },
    async pause() {
      if (state.phase === 'open') state.phase = 'paused'
      await state.session?.pause().catch(() => undefined)
    },
    async resume() {
      if (state.phase === 'paused') state.phase = 'open'
      tell(state)
    },
    async lag() {
      const records = await state.session?.count()
      return records === undefined ? [] : [{ lane: place.queue, records }]
    },
    close() {
      state.closing ??= close(tools, state)
      return state.closing
    },
  }
}

/** Resolves when there is a session, or `failure` says why there is none. */
const opening = (tools: SourceTools, state: State): Promise<void> => {
  state.opening ??= begin(tools, state)
    .catch(thrown => {
      state.failure = rabbitError('SOURCE_FAILED', `opening ${tools.place.address}`, thrown)
    })
    .finally(() => {
      state.opening = undefined
      tell(state)
    })
  return state.opening
}

const begin = async (tools: SourceTools, state: State): Promise<void> => {
  const { clock, log, place, group, publisher } = tools
  const opened = await tools.link.opened(OPEN_PATIENCE_MS)
  await tools.prepare(opened)
  state.deferStepsMs = delayStepsMs(opened.server)
  if (state.phase === 'closed') return
  const session = await openSession(opened, {
    clock,
    log,
    address: place.address,
    queue: place.queue,
    group,
    prefetch: Math.min(tools.maxInFlight, MOST_PREFETCH),
    mailboxMs: tools.ackTimeoutMs * MAILBOX_SHARE,
    renew: renewal({ clock, log, place, publisher, from: renewalCount(tools.deliveryLimit) }),
    onChange: () => tell(state),
  })
  state.session = session
  // It may have been closed or paused in this moment.
  if ((state.phase as State['phase']) === 'closed') await session.close()
  else if (state.phase === 'paused') await session.pause()
}

const tell = (state: State): void => {
  const { news } = state
  state.news = Promise.withResolvers()
  news.resolve()
}

const poll = async (tools: SourceTools, state: State, request: PollRequest): Promise<readonly Delivery[]> => {
  const until = tools.clock.monotonic() + request.waitMs
  while (state.phase !== 'closed' && !request.signal.aborted) {
    const news = state.news.promise
    if (state.phase === 'open') {
      const deliveries = attempt(tools, state, request)
      if (deliveries.length > 0) return deliveries
    }
    const leftMs = until - tools.clock.monotonic()
    if (leftMs <= 0) break
    await sleepUnless(tools.clock, leftMs, news, request.signal)
  }
  return []
}

const attempt = (tools: SourceTools, state: State, request: PollRequest): readonly Delivery[] => {
  const { failure } = state
  state.failure = undefined
  if (failure) throw failure
  const { session } = state
  const ended = session?.failure()
  if (ended) {
    state.session = undefined
    throw ended
  }
  if (!session) {
    void opening(tools, state)
    return []
  }
  if (request.skipLanes.has(tools.place.queue)) return []
  return session.take(request).map(arrived => deliver(tools.place, session, arrived, tools.clock.now()))
}

/** The core then waits by itself. */
const cannotDefer = (state: State): void => {
  state.deferStepsMs = []
}

const close = async ({ publisher, onClosed }: SourceTools, state: State): Promise<void> => {
  state.phase = 'closed'
  tell(state)
  await state.session?.close()
  await publisher.close()
  onClosed()
}
