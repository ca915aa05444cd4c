/**
 * AMQP channels by amqplib, with its traps covered: a channel without an 'error' listener ends the process when the broker
 * closes it, and a `close` under way never answers when the connection goes in between.
 */
import type { Channel, ChannelModel, ConfirmChannel } from 'amqplib'
import { MillraceError } from '../../core/errors.ts'

/** An AMQP channel for as long as it lasts: delivery tags and unconfirmed messages of it mean nothing on another. */
export interface AmqpChannel<Kind extends Channel = Channel> {
  readonly channel: Kind
  /** Aborted when it is gone, whoever closed it; the reason is the broker's or the connection's error, as it came. */
  readonly gone: AbortSignal
  /** Resolves when it is gone. May be called twice. */
  close(): Promise<void>
}

/** Rejects, as amqplib does, when the connection goes or the broker refuses. */
export const openChannel = async (model: ChannelModel): Promise<AmqpChannel> => watched(await model.createChannel())

/** One on which the broker confirms what is published. */
export const openConfirmChannel = async (model: ChannelModel): Promise<AmqpChannel<ConfirmChannel>> =>
  watched(await model.createConfirmChannel())

/** What `work` comes to, or a rejection with the signal's reason as soon as that aborts. */
export const unlessGone = <Value>(gone: AbortSignal, work: Promise<Value>): Promise<Value> =>
  new Promise((resolve, reject) => {
    const end = (): void => reject(gone.reason)
    if (gone.aborted) end()
    gone.addEventListener('abort', end, { once: true })
    work.then(resolve, reject).finally(() => gone.removeEventListener('abort', end))
  })

const watched = <Kind extends Channel>(channel: Kind): AmqpChannel<Kind> => {
  const gone = new AbortController()
  const ended = Promise.withResolvers<void>()
  let failure: Error | undefined
  let closing = false
  channel.on('error', error => {
    failure = error
  })
  channel.on('close', () => {
    gone.abort(failure ?? new MillraceError('SOURCE_FAILED', 'the AMQP channel was closed'))
    ended.resolve()
  })
  return {
    channel,
    gone: gone.signal,
    async close() {
      if (!closing && !gone.signal.aborted) {
        closing = true
        // It may have been closed between the last event and this; then there is nothing left to close.
        channel.close().catch(() => ended.resolve())
      }
      await ended.promise
    },
  }
}
