/**
 * The source of what is PUBLISHed: at most once. Redis sends it to who listens at that moment and keeps nothing, so what
 * comes waits in memory here, what does not fit is dropped and counted, and a process that dies takes it along. What a
 * function fails on is tried again by this process for as long as it lives, and parked like any other record.
 */
import { sleepUnless } from '../../core/clock.ts'
import type { ChannelRef, Delivery, EventRecord, PollRequest, Settlement, Source } from '../../core/contract.ts'
import { MillraceError } from '../../core/errors.ts'
import { type Bell, createBell } from '../../core/polling.ts'
import { subscriptionSettings } from './channel-settings.ts'
import type { RedisClient } from './connection.ts'
import { redisError } from './failure.ts'
import { createInbox, type Inbox, type Published } from './inbox.ts'
import type { RedisPlace } from './place.ts'
import { plainBytes } from './record.ts'
import { createSubscriber, type Subscriber } from './subscriber.ts'

const LANE = '0'
/** How often the log is told that records are dropped. */
const TELL_DROPS_EVERY_MS = 10_000
const CONNECT_PATIENCE_MS = 10_000

const HELD = Symbol('redis published record')

interface Held extends Delivery {
  readonly [HELD]: { readonly published: Published; readonly source: object; state: 'open' | 'settled' }
}

interface Tools {
  readonly place: RedisPlace
  readonly channel: ChannelRef
  readonly inbox: Inbox
  readonly bell: Bell
  readonly lost: AbortController
  readonly drops: Drops
  /** Ids of other lives of this source are others. */
  readonly life: string
  phase: 'open' | 'paused' | 'closed'
}

/** Resolves once it listens. Rejects when Redis cannot be reached or does not let this user listen (fatal). */
export const openSubscription = async (place: RedisPlace, channel: ChannelRef): Promise<Source> => {
  const { bufferRecords, bufferBytes, pattern } = subscriptionSettings(channel)
  const tools: Tools = {
    place,
    channel,
    inbox: createInbox(bufferRecords, bufferBytes),
    bell: createBell(),
    lost: new AbortController(),
    drops: countDrops(place, channel.address),
    life: `${place.clock.now().toString(36)}${Math.floor(place.random() * 36 ** 6).toString(36)}`,
    phase: 'open',
  }
  const client = place.openClient('messages')
  await connected(client, channel)
  let count = 0
  const subscriber = createSubscriber({
    place,
    client,
    address: channel.address,
    name: channel.name,
    how: pattern ? 'PSUBSCRIBE' : 'SUBSCRIBE',
    onChange: tools.bell.ring,
    onPublished(from, bytes) {
      const published = { number: count, channel: from, body: plainBytes(bytes), at: place.clock.now(), attempts: 0 }
      count += 1
      if (tools.inbox.add(published)) tools.bell.ring()
      else tools.drops.add()
    },
  })
  await listening(tools, subscriber)
  place.log.info(
    `${channel.address}: listens, at most once: what is published while no process listens, or lies in the memory of one that dies, is gone, and each process gets all of it`,
  )
  return sourceOf(tools, subscriber)
}

const connected = async (client: RedisClient, { address }: ChannelRef): Promise<void> => {
  try {
    await client.ready(CONNECT_PATIENCE_MS)
  } catch (thrown) {
    client.close()
    throw redisError('SOURCE_FAILED', `listening to ${address}`, thrown)
  }
}

const listening = async (tools: Tools, subscriber: Subscriber): Promise<void> => {
  const { bell, place, channel } = tools
  const untilMs = place.clock.monotonic() + CONNECT_PATIENCE_MS
  while (!subscriber.isListening()) {
    const leftMs = untilMs - place.clock.monotonic()
    const failure = subscriber.refusal() ?? (leftMs <= 0 ? new Error('ETIMEDOUT: no answer') : undefined)
    if (failure) {
      subscriber.close()
      throw redisError('SOURCE_FAILED', `listening to ${channel.address}`, failure)
    }
    const next = bell.next()
    await sleepUnless(place.clock, leftMs, next, NEVER)
  }
}

const NEVER = new AbortController().signal

const sourceOf = (tools: Tools, subscriber: Subscriber): Source => ({
  ordered: false,
  retries: 'core',
  // Nothing here is durable, so nothing can be put off durably.
  deferStepsMs: [],
  poll: request => poll(tools, subscriber, request),
  async settle(settlements) {
    tools.inbox.giveBack(settlements.flatMap(settlement => settleOne(tools, settlement)))
    tools.bell.ring()
    return []
  },
  async pause() {
    if (tools.phase === 'open') tools.phase = 'paused'
  },
  async resume() {
    if (tools.phase === 'paused') tools.phase = 'open'
    tools.bell.ring()
  },
  lag: async () => [{ lane: LANE, records: tools.inbox.size }],
  async close() {
    if (tools.phase === 'closed') return
    tools.phase = 'closed'
    tools.lost.abort()
    tools.bell.ring()
    subscriber.close()
    tools.drops.end(tools.inbox.size)
  },
})

const poll = async (tools: Tools, subscriber: Subscriber, request: PollRequest): Promise<readonly Delivery[]> => {
  const { place, bell, inbox, channel } = tools
  const untilMs = place.clock.monotonic() + request.waitMs
  while (tools.phase !== 'closed' && !request.signal.aborted) {
    const next = bell.next()
    if (tools.phase === 'open' && !request.skipLanes.has(LANE)) {
      const taken = inbox.take(Math.min(request.max, request.maxPerLane), request.maxBytes)
      if (taken.length > 0) return taken.map(published => deliver(tools, published))
    }
    const refusal = subscriber.refusal()
    if (refusal) throw redisError('SOURCE_FAILED', `listening to ${channel.address}`, refusal)
    const leftMs = untilMs - place.clock.monotonic()
    if (leftMs > 0) await sleepUnless(place.clock, leftMs, next, request.signal)
    else if (subscriber.isListening()) return []
    else throw new MillraceError('SOURCE_FAILED', `${channel.address}: no connection; what is published now is missed`)
  }
  return []
}

const deliver = (tools: Tools, published: Published): Held => ({
  record: recordOf(tools, published),
  lane: LANE,
  attempts: published.attempts,
  firstSeen: published.at,
  lost: tools.lost.signal,
  [HELD]: { published, source: tools, state: 'open' },
})

/** Nothing tells one message from another, and none comes twice from Redis: its number here is what there is. */
const recordOf = ({ channel, life }: Tools, { number, channel: from, at, body }: Published): EventRecord => ({
  id: `${life}-${number}`,
  idStrength: 'weak',
  source: channel.address,
  time: at,
  key: null,
  headers: [],
  body,
  position: { channel: from },
})

/** What goes back into memory. Of what was put off nothing is durable: the core knows, and keeps it itself. */
const settleOne = (tools: Tools, { delivery, ...verdict }: Settlement): readonly Published[] => {
  const held = (delivery as Partial<Held>)[HELD]
  if (held?.source !== tools || held.state === 'settled' || tools.phase === 'closed') return []
  held.state = 'settled'
  if (verdict.outcome === 'accepted' || verdict.outcome === 'rejected') return []
  return [{ ...held.published, attempts: verdict.attempts }]
}

interface Drops {
  add(): void
  /** So many more were in memory at the end. */
  end(waiting: number): void
}

const countDrops = ({ clock, log }: RedisPlace, address: string): Drops => {
  let dropped = 0
  let toldAtMs = Number.NEGATIVE_INFINITY
  const tell = (): void => {
    toldAtMs = clock.monotonic()
    log.warn(`${address}: records are dropped, the function is slower than what is published; ${dropped} so far`, {
      dropped,
    })
  }
  return {
    add() {
      dropped += 1
      if (clock.monotonic() - toldAtMs >= TELL_DROPS_EVERY_MS) tell()
    },
    end(waiting) {
      dropped += waiting
      if (waiting > 0) tell()
    },
  }
}
