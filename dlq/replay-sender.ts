/**
 * Letters that are replayed by sending: back to where their records came from, or to another channel.
 *
 *   lease ──▶ send, one of a key at a time ──▶ confirmed: resolved · refused for good: open again · else once more
 *
 * A letter is resolved once the broker has confirmed it. A process killed between the two sends again what it had under
 * way, and nothing else.
 */
import { type Clock, sleep } from '../core/clock.ts'
import type { Delivery, OutgoingRecord, Settlement } from '../core/contract.ts'
import { errorInfo, MillraceError, wrapError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { keyText } from '../core/values.ts'
import { tellsOfFailure } from './foreign.ts'
import { replayClaims } from './replay-claims.ts'
import { replayLook } from './replay-look.ts'
import type { ClaimedLetter, ClaimRequest, ReplayStore } from './replay-store.ts'
import { replayedHeaders } from './replayed.ts'

export interface ReplaySender {
  start(): void
  /** Claims nothing more, or goes on. */
  pause(): void
  resume(): void
  /** Waits for what is being sent and gives back the rest. */
  stop(): Promise<void>
}

export interface SenderOptions {
  readonly clock: Clock
  readonly log: Log
  readonly order: ClaimRequest['order']
  /** Resolves once each record is confirmed (null) or is not. */
  readonly send: (address: string, records: readonly OutgoingRecord[]) => Promise<readonly (null | MillraceError)[]>
  /** How long a letter stays with a process that stopped answering. Default: 30 s. */
  readonly leaseMs?: number
}

const LEASE_MS = 30_000
const AT_ONCE = { max: 500, maxBytes: 16 * 1_024 * 1_024 }
/** Pauses before a broker that does not take something is asked again; then the letter is given back, and taken again. */
const PAUSES_MS = [500, 1_000, 2_000, 4_000, 8_000]
/** After so many rounds of these, a good half hour, the letter has failed again. */
const ROUNDS = 120

type Held = readonly [claimed: ClaimedLetter, delivery: Delivery]

/** For the letters of one mapping and source. */
export const replaySender = (
  store: ReplayStore,
  mapping: string,
  source: string,
  { clock, log, order, send, leaseMs = LEASE_MS }: SenderOptions,
): ReplaySender => {
  const claims = replayClaims(store, { clock, log, leaseMs })
  const look = replayLook(store, { clock, log })
  const stopping = new AbortController()
  let state: 'open' | 'paused' = 'open'
  let wake = new AbortController()
  const unwatch = store.watch(() => wake.abort())
  let running: Promise<void> | undefined

  const turn = async (): Promise<'more' | 'nothing'> => {
    const letters = await look.claim({ mapping, source, by: 'sending', order, ...AT_ONCE, leaseMs })
    if (letters.length === 0) return 'nothing'
    const held = letters.map((claimed): Held => [claimed, claims.add(claimed)])
    const [lost, known] = partition(
      held,
      ([{ target, letter }]) => target.kind === 'source' && letter.adoptedFrom === 'plain',
    )
    await settle(lost.map(([, delivery]) => ({ delivery, outcome: 'rejected', reason: NO_ORIGIN })))
    for (const round of order === 'key' ? roundsOf(known) : [known]) await sendRound(round)
    return 'more'
  }

  /** Until each is sent, refused, or has waited long enough to be given back; nothing overtakes it meanwhile. */
  const sendRound = async (round: readonly Held[]): Promise<void> => {
    let left = round
    for (let tries = 0; left.length > 0; tries += 1) {
      const outcomes = await sendEach(left)
      const settled = outcomes.flatMap(([held, error]) => verdictOn(held, error, tries))
      await settle(settled)
      const done = new Set(settled.map(({ delivery }) => delivery))
      left = left.filter(([, delivery]) => !done.has(delivery) && !delivery.lost.aborted)
      if (left.length > 0) await sleep(clock, PAUSES_MS[tries] ?? 0, stopping.signal)
    }
  }

  const sendEach = async (round: readonly Held[]): Promise<readonly (readonly [Held, null | MillraceError])[]> => {
    const outcomes: (readonly [Held, null | MillraceError])[] = []
    const byAddress = Map.groupBy(round, ([claimed]) => addressOf(claimed))
    for (const [address, held] of byAddress) {
      const answers = await send(
        address,
        held.map(([claimed]) => outgoingOf(claimed)),
      ).catch((thrown: unknown) => {
        const error = wrapError('SEND_FAILED', `replaying to ${address}`, thrown)
        return held.map(() => error)
      })
      for (const [index, each] of held.entries()) outcomes.push([each, answers[index] ?? null])
    }
    return outcomes
  }

  const verdictOn = ([claimed, delivery]: Held, error: null | MillraceError, tries: number): readonly Settlement[] => {
    if (error === null) return [{ delivery, outcome: 'accepted' }]
    if (isForGood(error) || claimed.attempts >= ROUNDS) return [{ delivery, outcome: 'rejected', reason: error }]
    if (tries === 0) log.warn('a replay could not be sent; it is tried again', { mapping, error: error.message })
    const given = tries >= PAUSES_MS.length || stopping.signal.aborted
    return given ? [{ delivery, outcome: 'released', attempts: claimed.attempts + 1 }] : []
  }

  /** What was sent is told until the store has it: else it would be sent again. */
  const settle = async (verdicts: readonly Settlement[]): Promise<void> => {
    let left = verdicts
    for (let tries = 0; left.length > 0; tries += 1) {
      const unsettled = await claims.settle(left)
      const still = new Set(unsettled.map(({ delivery }) => delivery))
      left = left.filter(({ delivery }) => still.has(delivery))
      if (left.length === 0) return
      log.warn('the verdict on replays was not stored; it is told again', { mapping, error: unsettled[0]?.error })
      if (stopping.signal.aborted && tries >= PAUSES_MS.length) return
      await sleep(clock, PAUSES_MS[Math.min(tries, PAUSES_MS.length - 1)] ?? 0)
    }
  }

  const work = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      wake = new AbortController()
      const outcome = state === 'paused' ? 'nothing' : await turn().catch(troubled)
      if (outcome === 'more') continue
      await sleep(
        clock,
        outcome === 'nothing' ? look.pauseMs() : 1_000,
        AbortSignal.any([wake.signal, stopping.signal]),
      )
    }
  }
  const troubled = (error: unknown): 'troubled' => {
    log.warn('replays cannot be looked for; tried again soon', { mapping, error: errorInfo(error).message })
    return 'troubled'
  }

  return {
    start() {
      running ??= work()
    },
    pause() {
      state = 'paused'
    },
    resume() {
      state = 'open'
      wake.abort()
    },
    async stop() {
      stopping.abort()
      unwatch()
      await running
      await claims.close()
    },
  }
}

const NO_ORIGIN = new MillraceError(
  'SEND_INVALID',
  'nothing says where this record came from; replay it to a channel that you name',
)

const partition = <Value>(values: readonly Value[], is: (value: Value) => boolean): readonly [Value[], Value[]] => {
  const { yes = [], no = [] } = Object.groupBy(values, value => (is(value) ? 'yes' : 'no'))
  return [yes, no]
}

/** Each key at most once in a round, in the order of parking; records without a key wait for nobody. */
const roundsOf = (held: readonly Held[]): readonly (readonly Held[])[] => {
  const rounds: Held[][] = []
  const seen = new Map<string, number>()
  for (const each of held) {
    const key = keyText(each[0].letter.record.key)
    const round = key === null ? 0 : (seen.get(key) ?? 0)
    if (key !== null) seen.set(key, round + 1)
    rounds[round] ??= []
    rounds[round]?.push(each)
  }
  return rounds
}

const isForGood = (error: MillraceError): boolean =>
  error.fatal || error.code === 'SEND_INVALID' || error.code === 'CHANNEL_UNKNOWN' || error.code === 'CONFIG_INVALID'

const addressOf = ({ target, letter }: ClaimedLetter): string =>
  target.kind === 'channel' ? target.address : letter.record.source

/**
 * Body, key, headers and partition as they were. The time is a new one, because an old one would make it too old again,
 * and so is the id, because the old one is that of a record whose fate is known.
 */
const outgoingOf = ({ claim, letter, replays }: ClaimedLetter): OutgoingRecord => {
  const { key, headers, properties, body, position } = letter.record
  return {
    key,
    headers: replayedHeaders(
      letter.adoptedFrom === undefined ? headers : headers.filter(([name]) => !tellsOfFailure(name)),
      claim.id,
      replays,
    ),
    body,
    ...(properties ? { properties } : {}),
    ...(position ? { position } : {}),
  }
}
