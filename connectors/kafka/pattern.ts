/**
 * The source of all topics that match a pattern: a source of those there are, and another one when there are others. In
 * between what runs is given time to be settled, as in a rebalance.
 */
import { type Clock, sleepUnless } from '../../core/clock.ts'
import type { Delivery, PollRequest, Source, StartPosition } from '../../core/contract.ts'
import { MillraceError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import type { Reader } from './assignment.ts'
import type { KafkaSource } from './source.ts'

type Topics = Reader['topics']

export interface PatternTools {
  readonly clock: Clock
  readonly log: Log
  readonly address: string
  readonly pattern: RegExp
  readonly start: StartPosition
  /** The names of all topics this user may see. */
  readonly list: () => Promise<readonly string[]>
  /** Those of these topics in which the group has a position. */
  readonly positioned: (topics: readonly string[]) => Promise<readonly string[]>
  readonly open: (topics: Topics) => Promise<KafkaSource>
  /** Milliseconds between two looks for other topics. */
  readonly refreshMs: number
}

/** Neither Kafka's own topics, `__consumer_offsets` and the like, nor retry topics are matched by any pattern. */
export const matching = (names: readonly string[], pattern: RegExp): readonly string[] =>
  names.filter(name => !name.startsWith('__') && !RETRY_TOPIC.test(name) && pattern.test(name)).toSorted()

/** What waits there belongs to one group, and is handed out by the source that put it there. */
const RETRY_TOPIC = /\.retry\..+\.\d+(?:ms|s|m|h|d)$/

/**
 * `latest` is for a group that is new to all of them. Where it is not, a topic without a position came later: it is read
 * from its beginning, or what was sent before it was noticed would be lost.
 */
export const startsOf = (topics: readonly string[], start: StartPosition, positioned: readonly string[]): Topics => {
  const begin = start === 'latest' && positioned.length > 0 ? 'earliest' : start
  return new Map(topics.map(topic => [topic, begin]))
}

interface State {
  phase: 'open' | 'paused' | 'closed'
  topics: readonly string[]
  source: KafkaSource | undefined
  /** By the monotonic clock. */
  nextLookAt: number
  looking: Promise<void> | undefined
}

/** Rejects where no topic matches yet. */
export const openPattern = async (tools: PatternTools): Promise<Source> => {
  const state: State = { phase: 'open', topics: [], source: undefined, nextLookAt: 0, looking: undefined }
  await look(tools, state, tools.positioned)
  return {
    ordered: true,
    retries: 'core',
    deferStepsMs: state.source?.deferStepsMs ?? [],
    poll: request => poll(tools, state, request),
    // Between two sources there are no claims: the old one's are lost.
    settle: async settlements => (await state.source?.settle(settlements)) ?? [],
    async pause() {
      if (state.phase === 'open') state.phase = 'paused'
      await state.source?.pause()
    },
    async resume() {
      if (state.phase === 'paused') state.phase = 'open'
      await state.source?.resume()
    },
    lag: async () => (await state.source?.lag?.()) ?? [],
    async close() {
      state.phase = 'closed'
      await state.source?.close()
      // One that was being opened meanwhile is closed by whoever opens it.
      await state.looking?.catch(() => {})
    },
  }
}

const poll = async (tools: PatternTools, state: State, request: PollRequest): Promise<readonly Delivery[]> => {
  const until = tools.clock.monotonic() + request.waitMs
  if (state.phase === 'open' && (!state.source || tools.clock.monotonic() >= state.nextLookAt)) {
    state.looking ??= look(tools, state, async topics => topics).finally(() => {
      state.looking = undefined
    })
    let failure: unknown
    const looked = state.looking.catch(error => {
      failure = error
    })
    await sleepUnless(tools.clock, Math.max(request.waitMs, MIN_LOOK_MS), looked, request.signal)
    if (failure !== undefined) throw failure
  }
  try {
    const waitMs = Math.max(0, until - tools.clock.monotonic())
    return (await state.source?.poll({ ...request, waitMs })) ?? []
  } catch (error) {
    // A topic may have been deleted: the next poll looks at once.
    state.nextLookAt = 0
    throw error
  }
}

/** A poll that is not to wait lets the broker answer nevertheless. */
const MIN_LOOK_MS = 100

/** Opens a source of the topics there are, where there is none or there are others. */
const look = async (tools: PatternTools, state: State, positioned: PatternTools['positioned']): Promise<void> => {
  state.nextLookAt = tools.clock.monotonic() + tools.refreshMs
  const topics = matching(await tools.list(), tools.pattern)
  if (state.source && topics.join() === state.topics.join()) return
  if (state.source) await retire(tools, state, state.source, topics)
  if (topics.length === 0)
    throw new MillraceError(
      'SOURCE_FAILED',
      `${tools.address}: no topic matches ${tools.pattern}; create one, or correct the pattern: Millrace creates no topics`,
    )
  const source = await tools.open(startsOf(topics, tools.start, await positioned(topics)))
  Object.assign(state, { source, topics } satisfies Partial<State>)
  if (state.phase === 'closed') await source.close()
  else if (state.phase === 'paused') await source.pause()
}

const retire = async (
  { log, address }: PatternTools,
  state: State,
  source: KafkaSource,
  topics: readonly string[],
): Promise<void> => {
  log.info(`${address}: the topics that match are others now`, { topics, before: state.topics })
  await source.drain()
  await source.close()
  state.source = undefined
}
