/**
 * One AMQP channel on which the broker confirms what is published, each message told apart. Each ends in one of four ways:
 * confirmed, returned (the broker tells so before it confirms it), refused, or not known because the channel is gone.
 */
import { once } from 'node:events'
import type { ConfirmChannel, Message as Returned } from 'amqplib'
import { errorInfo, MillraceError } from '../../core/errors.ts'
import { type AmqpChannel, unlessGone } from './amqp.ts'
import { isTooLarge, replyCode } from './failure.ts'
import type { Message } from './message.ts'
import { OWN } from './own.ts'

export type Fate =
  | { readonly is: 'confirmed' }
  /** No queue wants it: the broker keeps nothing of it. */
  | { readonly is: 'returned'; readonly reason: string }
  /** A queue that is full, or lost its leader, has said no. */
  | { readonly is: 'refused' }
  /** It cannot be written as AMQP. */
  | { readonly is: 'impossible'; readonly error: unknown }
  /** Perhaps it is there. `code`: the broker closed the channel because of what was sent on it. */
  | { readonly is: 'unknown'; readonly error: unknown; readonly code: number | undefined }

export interface ConfirmedChannel {
  readonly gone: AbortSignal
  /** Resolves, always, when the broker has said what became of it, or the channel is gone. */
  write(message: Message): Promise<Fate>
  /** Resolves when there is room to write, or the channel is gone. */
  room(): Promise<void>
  close(): Promise<void>
}

interface Unconfirmed {
  readonly message: Message
  returned: string | undefined
  end(fate: Fate): void
}

/** amqplib copies what it has not written yet, up to 1,024 frames of any size, before it says that it is full. */
const MOST_UNCONFIRMED_BYTES = 8_000_000

export const confirmedChannel = ({ channel, gone, close }: AmqpChannel<ConfirmChannel>): ConfirmedChannel => {
  // In the order in which they were written, which is that of the broker's returns.
  const unconfirmed = new Set<Unconfirmed>()
  let full = false
  let bytes = 0
  let freed = Promise.withResolvers<void>()
  channel.on('drain', () => {
    full = false
  })
  const forget = (sent: Unconfirmed): boolean => {
    if (!unconfirmed.delete(sent)) return false
    bytes -= sent.message.content.length
    freed.resolve()
    freed = Promise.withResolvers()
    return true
  }
  channel.on('return', returned => {
    const sent = [...unconfirmed].find(each => each.returned === undefined && isSame(each.message, returned))
    if (sent) sent.returned = replyText(returned)
  })
  gone.addEventListener('abort', () => {
    const fate: Fate = { is: 'unknown', error: gone.reason, code: replyCode(gone.reason) }
    for (const each of unconfirmed) each.end(fate)
    unconfirmed.clear()
  })
  return {
    gone,
    write: message =>
      new Promise(resolve => {
        const sent: Unconfirmed = { message, returned: undefined, end: resolve }
        const answered = (error: unknown): void => {
          // amqplib answers for what was under way when the channel closes, before it says that it is closed.
          queueMicrotask(() => {
            if (gone.aborted || !forget(sent)) return
            resolve(error ? { is: 'refused' } : fateOf(sent))
          })
        }
        unconfirmed.add(sent)
        bytes += message.content.length
        try {
          const { exchange, routingKey, content, options } = message
          full = !channel.publish(exchange, routingKey, content, options, answered)
        } catch (error) {
          forget(sent)
          resolve(gone.aborted ? { is: 'unknown', error: gone.reason, code: undefined } : { is: 'impossible', error })
        }
      }),
    async room() {
      while (bytes >= MOST_UNCONFIRMED_BYTES && !gone.aborted)
        await unlessGone(gone, freed.promise).catch(() => undefined)
      if (!full || gone.aborted) return
      await unlessGone(gone, once(channel, 'drain')).catch(() => undefined)
    },
    close,
  }
}

const fateOf = ({ returned }: Unconfirmed): Fate =>
  returned === undefined ? { is: 'confirmed' } : { is: 'returned', reason: returned }

/** A returned message has nothing of its own number: it is known by where it went and by its id. */
const isSame = ({ exchange, routingKey, options }: Message, { fields, properties }: Returned): boolean =>
  fields.exchange === exchange &&
  fields.routingKey === routingKey &&
  properties.messageId === options.messageId &&
  properties.headers?.[OWN.id] === options.headers?.[OWN.id]

const replyText = ({ fields }: Returned): string =>
  String((fields as { readonly replyText?: unknown }).replyText ?? 'NO_ROUTE')

/** What the fate of a message means for who sent it to `where`; null: it is durable at the broker. */
export const outcomeOf = (fate: Fate, where: string): null | MillraceError => {
  switch (fate.is) {
    case 'confirmed':
      return null
    case 'returned':
      return failed(
        `${where}: no queue takes it (${fate.reason}); bind a queue to the exchange for this key, or make the queue`,
      )
    case 'refused':
      return failed(
        `${where}: the broker refused it; a queue for it is full (x-overflow: reject-publish) or has no leader`,
      )
    case 'impossible':
      return new MillraceError('SEND_INVALID', `${where}: ${impossible(fate.error)}`, { cause: fate.error })
    case 'unknown':
      if (fate.error instanceof MillraceError)
        return new MillraceError('SEND_FAILED', `${where}: ${fate.error.message}`, { cause: fate.error })
      return failed(`${where}: not confirmed, ${told(fate)}`, fate.error)
  }
}

const failed = (message: string, cause?: unknown): MillraceError =>
  new MillraceError('SEND_FAILED', message, cause === undefined ? {} : { cause })

const HEADERS_LIMIT = /exceeds the (\d+) byte encoding buffer/

const impossible = (error: unknown): string => {
  const { message } = errorInfo(error)
  const limit = HEADERS_LIMIT.exec(message)?.[1]
  if (limit !== undefined)
    return `its headers must be at most ${limit} bytes together, names and values; put what is large into the body`
  return `it cannot be written as an AMQP message: ${message}; names of headers have at most 255 bytes`
}

const ADVICE: Readonly<Record<number, string>> = {
  403: 'this user may not write there; allow it by `rabbitmqctl set_permissions`',
  404: 'the exchange does not exist; create it, or correct its name',
}

const told = ({ error, code }: Fate & { readonly is: 'unknown' }): string => {
  const { message } = errorInfo(error)
  const advice = isTooLarge(error)
    ? 'its body must be smaller, or max_message_size of the broker larger'
    : ADVICE[code ?? 0]
  return advice === undefined ? message : `${message}; ${advice}`
}
