/**
 * The source of a topic: `poll` and `settle` over a session, and another session whenever one has failed. What a failed
 * one had claimed is lost, and read again from the committed offset.
 */
import { sleepUnless } from '../../core/clock.ts'
import type { Delivery, PollRequest, Settlement, Source, Unsettled } from '../../core/contract.ts'
import { MillraceError } from '../../core/errors.ts'
import { afterBeginning, type Reader } from './assignment.ts'
import type { Deferral, Deferrals } from './deferral.ts'
import { kafkaError } from './failure.ts'
import { type KafkaAdmin, laneLag } from './lag.ts'
import { applyVerdicts, claimOf } from './lane.ts'
import { openSession, type Session, type SessionTools } from './session.ts'

export interface SourceTools extends Omit<SessionTools, 'onChange' | 'onSilent'> {
  readonly admin: KafkaAdmin
  readonly deferrals: Deferrals
  /** Milliseconds, ascending. */
  readonly deferStepsMs: readonly number[]
  /** Aborted when nobody waits for the source any more. */
  readonly signal: AbortSignal | undefined
}

interface State {
  phase: 'open' | 'paused' | 'closed'
  reader: Reader
  session: Session | undefined
  /** Resolves with the next thing a poll may wait for. */
  news: PromiseWithResolvers<void>
  closing: Promise<void> | undefined
  /** How often a session was given up because nothing was heard of a broker. */
  silences: number
}

/** How long a join may take before the source counts as open; a group waits for its slowest member. */
const JOIN_PATIENCE_MS = 15_000

export interface KafkaSource extends Source {
  /** Hands out nothing more, and resolves when what runs is settled and committed, or the time for that is over. */
  drain(): Promise<void>
}

/** Rejects when the broker cannot be reached, the topic is not there, or joining its group failed. */
export const openSource = async (tools: SourceTools): Promise<KafkaSource> => {
  for (const topic of tools.reader.topics.keys()) await tools.admin.partitions(topic)
  const state: State = {
    phase: 'open',
    reader: tools.reader,
    session: undefined,
    news: Promise.withResolvers(),
    closing: undefined,
    silences: 0,
  }
  const session = currentSession(tools, state)
  let joined: 'yes' | 'no' = 'no'
  const told = session.joined.then(() => {
    joined = 'yes'
  })
  await sleepUnless(tools.clock, JOIN_PATIENCE_MS, told, tools.signal)
  const failure = session.failure() ?? (joined === 'no' && tools.signal?.aborted ? unwanted(tools) : undefined)
  if (failure) {
    await close(state).finally(() => tools.deferrals.close())
    throw failure
  }
  if (joined === 'no')
    tools.log.info(`${tools.address}: the group still waits for another member; reading starts after that`)
  return {
    ordered: true,
    retries: 'core',
    deferStepsMs: tools.deferStepsMs,
    poll: request => poll(tools, state, request),
    settle: settlements => settle(tools, state, settlements),
    async pause() {
      if (state.phase === 'open') state.phase = 'paused'
    },
    async resume() {
      if (state.phase === 'paused') state.phase = 'open'
      tell(state)
    },
    lag: async () => laneLag(tools.admin, [...(state.session?.lanes.values() ?? [])]),
    drain: async () => state.session?.drain(),
    close() {
      state.closing ??= close(state).finally(() => tools.deferrals.close())
      return state.closing
    },
  }
}

const unwanted = ({ address }: SourceTools): MillraceError =>
  new MillraceError('APP_STATE', `${address}: opening was given up, because nobody waits for it any more`)

const currentSession = (tools: SourceTools, state: State): Session => {
  if (state.session) return state.session
  const session = openSession({
    ...tools,
    reader: state.reader,
    onChange: () => tell(state),
    onSilent(silentMs) {
      state.silences += 1
      const { silences } = state
      tools.log.warn(`${tools.address}: the client has gone silent and is made anew`, { silentMs, silences })
    },
  })
  // The next one goes on where this one was, and begins nowhere.
  void session.joined.then(() => {
    if (!session.failure()) state.reader = afterBeginning(tools.reader)
  })
  state.session = session
  return session
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
      const deliveries = await attempt(tools, state, request)
      if (deliveries.length > 0) return deliveries
    }
    const dueAt = state.session?.nextDueAt(request) ?? Number.POSITIVE_INFINITY
    const leftMs = Math.min(until - tools.clock.monotonic(), dueAt - tools.clock.now())
    if (until <= tools.clock.monotonic()) break
    await sleepUnless(tools.clock, Math.max(leftMs, 0), news, request.signal)
  }
  return []
}

const attempt = async (tools: SourceTools, state: State, request: PollRequest): Promise<readonly Delivery[]> => {
  const session = currentSession(tools, state)
  const failure = session.failure()
  if (!failure) return session.take(request)
  // The core waits between polls that fail, and with it this source between consumers.
  state.session = undefined
  await session.close()
  throw failure
}

const settle = async (
  tools: SourceTools,
  state: State,
  settlements: readonly Settlement[],
): Promise<readonly Unsettled[]> => {
  const [deferrals, others] = [settlements.filter(isDeferral), settlements.filter(each => !isDeferral(each))]
  apply(state, others)
  const { verdicts, unsettled } = await tools.deferrals.send(deferrals)
  apply(state, verdicts)
  try {
    await state.session?.committer.flush()
    return unsettled
  } catch (thrown) {
    const error = kafkaError('SETTLE_FAILED', `committing to ${tools.address}`, thrown)
    return [...unsettled, ...settlements.filter(isUntold).map(({ delivery }) => ({ delivery, error }))]
  }
}

const isDeferral = (settlement: Settlement): settlement is Deferral => settlement.outcome === 'deferred'

const apply = (state: State, verdicts: readonly Settlement[]): void => {
  if (verdicts.length === 0) return
  for (const [lane, ofLane] of Map.groupBy(verdicts, ({ delivery }) => claimOf(delivery)?.lane))
    if (lane?.owned === 'yes') applyVerdicts(lane, ofLane)
  tell(state)
  state.session?.settled()
}

/**
 * Finished here, not confirmed by the broker. What was given back is back, confirmed or not; of a lane that is lost there
 * is nothing to tell any more.
 */
const isUntold = ({ delivery, outcome }: Settlement): boolean => {
  const claimed = claimOf(delivery)
  if (claimed?.state !== 'settled' || outcome === 'released') return false
  const { lane } = claimed
  return lane.owned === 'yes' && lane.confirmed < lane.version
}

const close = async (state: State): Promise<void> => {
  state.phase = 'closed'
  tell(state)
  await state.session?.close()
}
