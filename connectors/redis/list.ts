/**
 * The source of a list: receivers compete for its elements, those of other programs too. What is claimed, given back or
 * put off stands in Redis beside the list (`list-scripts.ts`); here is only which deliveries are still open.
 *
 * BLMOVE waits for an element and takes it to where every reader looks first; so whatever becomes of the one that
 * waited, the element is nobody's yet, and cannot be lost.
 */
import { sleepUnless } from '../../core/clock.ts'
import type { ChannelRef, Delivery, Lag, PollRequest, Source } from '../../core/contract.ts'
import { errorInfo } from '../../core/errors.ts'
import { type Bell, createBell } from '../../core/polling.ts'
import { listSettings } from './channel-settings.ts'
import { LONGEST_BLOCK_MS, type RedisClient } from './connection.ts'
import { answeredWith, redisError } from './failure.ts'
import { type ClaimTools, createClaims, LANE, type ListClaims, type Taken } from './list-claims.ts'
import { ENDS, listKeys, listLeases, RETURN } from './list-scripts.ts'
import type { RedisPlace } from './place.ts'
import { createReader } from './reader.ts'

/** How soon what another reader gave back is noticed; what is pushed is noticed at once. */
const LOOK_MS = 1_000

interface State {
  phase: 'open' | 'paused' | 'closed'
  /** Whether BLMOVE waits, or how it failed, which the next poll tells. */
  waiting: 'no' | 'yes' | { readonly failure: unknown }
  closing: Promise<void> | undefined
}

interface Tools extends ClaimTools {
  readonly claims: ListClaims
  readonly blocking: RedisClient
  readonly bell: Bell
  readonly state: State
}

/** Rejects when Redis cannot be asked, or the key is no list (fatal). */
export const openList = async (place: RedisPlace, channel: ChannelRef): Promise<Source> => {
  const { name, address } = channel
  const { claimTimeout: leaseMs, format, pushes } = listSettings(channel)
  const keys = listKeys(name)
  const bell = createBell()
  const leases = listLeases(place.commands, keys, leaseMs)
  const reader = createReader({ place, leases, prefix: '', address, leaseMs, onReturned: bell.ring })
  const claiming: ClaimTools = { place, list: { list: name, address, format }, ends: ENDS[pushes], keys, reader }
  const tools: Tools = {
    ...claiming,
    claims: createClaims(claiming),
    blocking: place.openClient('blocking'),
    bell,
    state: { phase: 'open', waiting: 'no', closing: undefined },
  }
  try {
    await place.commands.call('LLEN', keys.list)
    await reader.joined()
  } catch (thrown) {
    await close(tools)
    throw redisError('SOURCE_FAILED', `opening ${address}`, thrown)
  }
  return sourceOf(tools)
}

const sourceOf = (tools: Tools): Source => {
  const { state, bell, claims } = tools
  return {
    ordered: false,
    retries: 'core',
    deferStepsMs: 'any',
    poll: request => poll(tools, request),
    async settle(settlements) {
      const unsettled = await claims.settle(settlements)
      if (settlements.some(({ outcome }) => outcome === 'released' || outcome === 'deferred')) bell.ring()
      return unsettled
    },
    async pause() {
      if (state.phase === 'open') state.phase = 'paused'
    },
    async resume() {
      if (state.phase === 'paused') state.phase = 'open'
      bell.ring()
    },
    lag: () => lag(tools),
    close() {
      state.closing ??= close(tools)
      return state.closing
    },
  }
}

const poll = async (tools: Tools, request: PollRequest): Promise<readonly Delivery[]> => {
  const { state, bell, place } = tools
  const untilMs = place.clock.monotonic() + request.waitMs
  while (state.phase !== 'closed' && !request.signal.aborted) {
    const next = bell.next()
    const reads = state.phase === 'open' && !request.skipLanes.has(LANE)
    const { deliveries, dueInMs } = reads ? await attempt(tools, request) : NOTHING
    if (deliveries.length > 0) return deliveries
    const leftMs = untilMs - place.clock.monotonic()
    if (leftMs <= 0) break
    if (reads) waitForElement(tools)
    await sleepUnless(place.clock, Math.min(leftMs, dueInMs, LOOK_MS), next, request.signal)
  }
  return []
}

const NOTHING: Taken = { deliveries: [], dueInMs: Number.POSITIVE_INFINITY }

const attempt = async ({ state, claims, list }: Tools, request: PollRequest): Promise<Taken> => {
  try {
    if (typeof state.waiting !== 'object') return await claims.take(request)
    const { failure } = state.waiting
    state.waiting = 'no'
    throw failure
  } catch (thrown) {
    throw redisError('SOURCE_FAILED', `reading ${list.address}`, thrown)
  }
}

/** One at a time, and left to itself when its poll ends: whatever it brings is nobody's until somebody takes it. */
const waitForElement = (tools: Tools): void => {
  const { state, keys, ends, blocking, bell } = tools
  if (state.waiting !== 'no' || !blocking.isReady()) return
  state.waiting = 'yes'
  blocking.call('BLMOVE', keys.list, keys.arrived, ends.from, 'RIGHT', LONGEST_BLOCK_MS / 1_000).then(
    async element => {
      state.waiting = 'no'
      if (element === null) return
      bell.ring()
      if (state.phase !== 'open') await putBack(tools)
    },
    (failure: unknown) => {
      // Redis moves nothing then, but gives what is there: that is looked for all the same.
      if (answeredWith(failure, 'OOM')) {
        state.waiting = 'no'
        return
      }
      state.waiting = state.phase === 'closed' ? 'no' : { failure }
      bell.ring()
    },
  )
}

/** What came while nobody wants it goes back to the end it was taken from, for programs that know the list alone. */
const putBack = async ({ place, keys, ends, list }: Tools): Promise<void> => {
  try {
    await place.commands.run(RETURN, [keys.arrived, keys.list], [ends.giveBack])
  } catch (error) {
    place.log.debug(`${list.address}: elements stay in ${keys.arrived}, where every reader of Millrace finds them`, {
      error: errorInfo(error),
    })
  }
}

const lag = async ({ place, keys }: Tools): Promise<readonly Lag[]> => {
  const counts = await Promise.all([
    place.commands.call('LLEN', keys.list),
    place.commands.call('LLEN', keys.arrived),
    place.commands.call('HLEN', keys.records),
  ])
  return [{ lane: LANE, records: counts.reduce<number>((sum, count) => sum + Number(count), 0) }]
}

const close = async (tools: Tools): Promise<void> => {
  const { state, bell, blocking, place, reader, list } = tools
  state.phase = 'closed'
  bell.ring()
  blocking.close()
  try {
    await reader.leave()
    await putBack(tools)
  } catch (error) {
    place.log.warn(`${list.address}: Redis could not be told of the end; what was claimed is free after claimTimeout`, {
      error: errorInfo(error),
    })
  }
}
