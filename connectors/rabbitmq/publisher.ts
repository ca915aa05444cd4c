/**
 * Publishing to one place with an answer for each message, on an AMQP channel of its own that is opened with the first
 * message and again after it has gone.
 *
 *   publish ─▶ turn (in order) ─▶ prepared ─▶ not blocked ─▶ room ─▶ written ─▶ … ─▶ confirmed
 *              └───────────────────────── at most sendTimeout ─────────────────────────┘
 */
import type { Clock } from '../../core/clock.ts'
import { MillraceError } from '../../core/errors.ts'
import { openConfirmChannel, unlessGone } from './amqp.ts'
import { type ConfirmedChannel, confirmedChannel, type Fate, outcomeOf } from './confirms.ts'
import type { Link, Opened } from './connection.ts'
import type { Message } from './message.ts'

export type Outcome = null | MillraceError

export interface Publisher {
  /** Resolves with what became of each; never rejects. */
  publish(messages: readonly Message[]): Promise<readonly Outcome[]>
  /** Waits for what is under way. May be called twice. */
  close(): Promise<void>
}

export interface PublisherTools {
  readonly clock: Clock
  readonly link: Link
  /** As errors begin: `sending to rabbit/orders`. */
  readonly where: string
  /** Milliseconds. */
  readonly sendTimeoutMs: number
  /** Makes what is published to; called for each connection before its first message, and again after a return. */
  prepare(opened: Opened): Promise<void>
}

interface Life {
  readonly opened: Opened
  readonly channel: ConfirmedChannel
  prepared: 'yes' | 'again'
}

const CONNECT_SHARE = 0.9

export const createPublisher = (tools: PublisherTools): Publisher => {
  let life: Promise<Life> | undefined
  let turn: Promise<unknown> = Promise.resolve()
  const under = new Set<Promise<unknown>>()
  let closed: Promise<void> | undefined

  const begin = async (): Promise<Life> => {
    // Within less than a message waits: why there is no connection says more than that it took too long.
    const opened = await tools.link.opened(CONNECT_SHARE * tools.sendTimeoutMs)
    await tools.prepare(opened)
    return { opened, channel: confirmedChannel(await openConfirmChannel(opened.model)), prepared: 'yes' }
  }
  const current = async (): Promise<Life> => {
    const before = await life?.catch(() => undefined)
    if (!before || before.channel.gone.aborted) {
      life = begin()
      return life
    }
    if (before.prepared === 'again') await tools.prepare(before.opened)
    before.prepared = 'yes'
    return before
  }
  const write = async (messages: readonly Message[], late: AbortSignal): Promise<readonly Promise<Fate>[]> => {
    const { opened, channel } = await unlessGone(late, current())
    const fates: Promise<Fate>[] = []
    for (const message of messages) {
      // A broker that is short of memory or disk reads nothing more from us: what is written now only fills our memory.
      if (opened.blocked() !== undefined) await unlessGone(late, opened.unblocked()).catch(() => undefined)
      await unlessGone(late, channel.room()).catch(() => undefined)
      fates.push(late.aborted ? Promise.resolve(unwritten(late, opened)) : channel.write(message))
    }
    return fates
  }
  /** A channel that went with its connection knows only that; the connection knows why. */
  const withReason = async (fate: Fate): Promise<Fate> => {
    if (fate.is !== 'unknown' || fate.code !== undefined) return fate
    const gone = (await life?.catch(() => undefined))?.opened.gone
    return gone?.aborted ? unknown(gone.reason) : fate
  }
  /** One after the other gets to write, so that records arrive in the order in which they were sent. */
  const attempt = async (messages: readonly Message[]): Promise<readonly Fate[]> => {
    const late = new AbortController()
    const cancel = tools.clock.after(tools.sendTimeoutMs, () => late.abort(tooLate(tools)))
    const written = turn.then(() => write(messages, late.signal))
    turn = written.catch(() => undefined)
    try {
      const fates = await written
      // What is known by now counts, also when the time is up.
      const known = await Promise.all(
        fates.map(fate => Promise.race([fate, unlessGone(late.signal, fate).catch(unknown)])),
      )
      return await Promise.all(known.map(withReason))
    } catch (error) {
      return messages.map(() => unknown(error))
    } finally {
      cancel()
    }
  }
  const publish = async (messages: readonly Message[]): Promise<readonly Outcome[]> => {
    const fates = [...(await attempt(messages))]
    if (messages.length > 1)
      for (const [index, fate] of fates.entries())
        if (isSomebodys(fate)) fates[index] = (await attempt([messages[index] as Message]))[0] ?? fate
    // A queue that was deleted is made again with the next send.
    if (fates.some(({ is }) => is === 'returned')) await prepareAgain()
    return fates.map(fate => outcomeOf(fate, tools.where))
  }
  const prepareAgain = async (): Promise<void> => {
    const before = await life?.catch(() => undefined)
    if (before) before.prepared = 'again'
  }
  const retire = async (): Promise<void> => {
    const ended = await life?.catch(() => undefined)
    life = undefined
    await ended?.channel.close()
  }
  return {
    async publish(messages) {
      if (closed) return messages.map(() => new MillraceError('APP_STATE', `${tools.where}: it is closed`))
      const publishing = publish(messages)
      under.add(publishing)
      return publishing.finally(() => under.delete(publishing))
    },
    close() {
      closed ??= Promise.allSettled(under).then(retire)
      return closed
    },
  }
}

/** A message the broker takes offence at closes the channel for all on it: alone, each gets its own answer. */
const isSomebodys = (fate: Fate): boolean => fate.is === 'unknown' && (fate.code === 403 || fate.code === 406)

const unknown = (error: unknown): Fate => ({ is: 'unknown', error, code: undefined })

const unwritten = (late: AbortSignal, opened: Opened): Fate => {
  const blocked = opened.blocked()
  return unknown(blocked === undefined ? late.reason : new Error(`the broker takes nothing at this moment: ${blocked}`))
}

const tooLate = ({ sendTimeoutMs }: PublisherTools): Error =>
  new Error(`the broker has not answered within ${sendTimeoutMs} ms (sendTimeout); it may have it all the same`)
