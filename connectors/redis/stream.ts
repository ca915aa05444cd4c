/**
 * The source of a stream: a group of readers shares its entries, or one reads alone and keeps their order. What is
 * claimed, given back or put off stands in Redis (`stream-scripts.ts`); here is only which deliveries are still open.
 *
 * Waiting is done by XREAD, which claims nothing: whatever becomes of the one that waited, no entry is lost with it.
 */
import { sleepUnless } from '../../core/clock.ts'
import type { ChannelRef, Delivery, PollRequest, ReadOptions, Source } from '../../core/contract.ts'
import { errorInfo } from '../../core/errors.ts'
import { type Bell, createBell } from '../../core/polling.ts'
import { streamSettings } from './channel-settings.ts'
import { LONGEST_BLOCK_MS, type RedisClient } from './connection.ts'
import { redisError } from './failure.ts'
import type { RedisPlace } from './place.ts'
import { createReader } from './reader.ts'
import { createStreamClaims, type StreamClaims, type Taken } from './stream-claims.ts'
import { ensureGroup, type StreamPart, startId } from './stream-group.ts'
import type { StreamClaimTools } from './stream-holding.ts'
import { streamLeases } from './stream-leases.ts'
import { READER, streamKeys } from './stream-scripts.ts'
import { lagOf, type Position, standingOf } from './stream-standing.ts'

/** How soon what another reader gave back is noticed; what is added to the stream is noticed at once. */
const LOOK_MS = 1_000
const CONNECT_PATIENCE_MS = 10_000

interface State {
  phase: 'open' | 'paused' | 'closed'
  /** Whether XREAD waits, or how it failed, which the next poll tells. */
  waiting: 'no' | 'yes' | { readonly failure: unknown }
  closing: Promise<void> | undefined
}

interface Tools extends StreamClaimTools {
  readonly claims: StreamClaims
  readonly blocking: RedisClient
  readonly bell: Bell
  readonly state: State
}

/** Rejects when Redis cannot be asked, or the key is no stream (fatal). */
export const openStream = async (place: RedisPlace, channel: ChannelRef, read: ReadOptions): Promise<Source> => {
  const tools = toolsFor(place, channel, read)
  try {
    await place.commands.ready(CONNECT_PATIENCE_MS)
    await ensureGroup(tools.part, startId(read.start))
    await tools.reader.joined()
  } catch (thrown) {
    await close(tools)
    throw redisError('SOURCE_FAILED', `opening ${channel.address}`, thrown)
  }
  return sourceOf(tools)
}

const toolsFor = (place: RedisPlace, { name, address, ...channel }: ChannelRef, read: ReadOptions): Tools => {
  const { claimTimeout: leaseMs, exclusive, field, removeSettled } = streamSettings({ name, address, ...channel })
  const bell = createBell()
  const { commands, log } = place
  const part: StreamPart = { commands, log, address, keys: streamKeys(name, read.group), group: read.group }
  const position: Position = { settledId: undefined }
  const leases = streamLeases(part, {
    leaseMs,
    sharing: exclusive ? 'alone' : 'shared',
    position,
    onReturned: bell.ring,
  })
  const claiming: StreamClaimTools = {
    place,
    stream: { stream: name, address, field },
    part,
    reader: createReader({ place, leases, prefix: READER, address, leaseMs, onReturned: bell.ring }),
    order: exclusive ? 'kept' : 'none',
    afterSettling: removeSettled ? 'remove' : 'keep',
    position,
  }
  return {
    ...claiming,
    claims: createStreamClaims(claiming),
    blocking: place.openClient('blocking'),
    bell,
    state: { phase: 'open', waiting: 'no', closing: undefined },
  }
}

const sourceOf = (tools: Tools): Source => {
  const { state, bell, claims, order, part, stream } = tools
  return {
    ordered: order === 'kept',
    retries: 'core',
    // What waits in a stream whose order is kept holds up what comes behind it.
    deferStepsMs: order === 'kept' ? [] : 'any',
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
    async lag() {
      const standing = await standingOf(part)
      return [{ lane: stream.stream, records: standing ? lagOf(standing) : 0 }]
    },
    close() {
      state.closing ??= close(tools)
      return state.closing
    },
  }
}

const poll = async (tools: Tools, request: PollRequest): Promise<readonly Delivery[]> => {
  const { state, bell, place, stream } = tools
  const untilMs = place.clock.monotonic() + request.waitMs
  while (state.phase !== 'closed' && !request.signal.aborted) {
    const next = bell.next()
    const reads = state.phase === 'open' && !request.skipLanes.has(stream.stream)
    const { deliveries, dueInMs, lastId } = reads ? await attempt(tools, request) : NOTHING
    if (deliveries.length > 0) return deliveries
    const leftMs = untilMs - place.clock.monotonic()
    if (leftMs <= 0) break
    if (lastId !== undefined) waitForEntry(tools, lastId)
    await sleepUnless(place.clock, Math.min(leftMs, dueInMs, LOOK_MS), next, request.signal)
  }
  return []
}

const NOTHING: Taken = { deliveries: [], dueInMs: Number.POSITIVE_INFINITY, lastId: undefined }

const attempt = async ({ state, claims, stream }: Tools, request: PollRequest): Promise<Taken> => {
  try {
    if (typeof state.waiting !== 'object') return await claims.take(request)
    const { failure } = state.waiting
    state.waiting = 'no'
    throw failure
  } catch (thrown) {
    throw redisError('SOURCE_FAILED', `reading ${stream.address}`, thrown)
  }
}

/** One at a time, and left to itself when its poll ends: it only says that there is something. */
const waitForEntry = (tools: Tools, lastId: string): void => {
  const { state, part, blocking, bell } = tools
  if (state.waiting !== 'no' || !blocking.isReady()) return
  state.waiting = 'yes'
  blocking.call('XREAD', 'COUNT', 1, 'BLOCK', LONGEST_BLOCK_MS, 'STREAMS', part.keys.stream, lastId).then(
    found => {
      state.waiting = 'no'
      if (found !== null) bell.ring()
    },
    (failure: unknown) => {
      state.waiting = state.phase === 'closed' ? 'no' : { failure }
      bell.ring()
    },
  )
}

const close = async ({ state, bell, blocking, reader, place, stream }: Tools): Promise<void> => {
  state.phase = 'closed'
  bell.ring()
  blocking.close()
  try {
    await reader.leave()
  } catch (error) {
    place.log.warn(
      `${stream.address}: Redis could not be told of the end; what was claimed is free after claimTimeout`,
      { error: errorInfo(error) },
    )
  }
}
