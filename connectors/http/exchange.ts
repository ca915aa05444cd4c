/**
 * One request and its answer: exactly one, whoever is first.
 *
 *   open ─┬─ answered
 *         ├─ streaming ── ended, or cut off
 *         └─ gone: the caller has hung up
 */
import type { FastifyReply } from 'fastify'
import type { Delivery, EventRecord } from '../../core/contract.ts'
import { errorInfo, MillraceError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import type { AnswerStream } from '../../core/request-contract.ts'
import { type Answer, INTERNAL_ERROR } from './answers.ts'
import type { HeldKey } from './idempotency/keeper.ts'
import { type Afterwards, beginAnswer, writeAnswer } from './writing.ts'

export interface Exchange {
  readonly delivery: Delivery
  /** Does nothing once there is an answer or nobody to hear it. Not the function's own: the request may be tried again. */
  answer(answer: Answer): void
  /** The function's own: kept first where the request has a key, also where nobody hears it any more. */
  answerFirst(answer: Answer): void
  /** Ends a stream; false where none has begun. */
  endStream(how: 'whole' | 'cut'): boolean
  /** The caller is not waited for any more: what runs for him is aborted. */
  abandon(reason: string): void
}

export interface ExchangeParts {
  readonly reply: FastifyReply
  readonly record: EventRecord
  /** Held for what the function answers. */
  readonly key: HeldKey | undefined
  /** Milliseconds since the epoch. */
  readonly deadline: number
  readonly startBy: number
  readonly maxAnswerBytes: number
  readonly log: Log
  readonly afterwards: () => Afterwards
  /** Called once, when it is over. */
  readonly over: (exchange: Exchange) => void
}

export const createExchange = (parts: ExchangeParts): Exchange => {
  const { reply, record, log, key } = parts
  const { raw } = reply
  const lost = new AbortController()
  let state: 'open' | 'streaming' | 'over' = 'open'

  const end = (): void => {
    state = 'over'
    parts.over(exchange)
  }
  const write = (answer: Answer): void => {
    try {
      writeAnswer(reply, answer, parts.afterwards())
    } catch (thrown) {
      log.error('an answer could not be written; the caller was told 500', { error: errorInfo(thrown) })
      writeAnswer(reply, INTERNAL_ERROR, parts.afterwards())
    }
  }
  const abandon = (reason: string): void => {
    if (!lost.signal.aborted) lost.abort(new DOMException(reason, 'AbortError'))
  }
  raw.once('close', () => {
    // Whoever sends a key asks again for the answer, which is therefore made and kept all the same.
    if (raw.writableFinished || key) return
    abandon('the caller has hung up')
    if (state !== 'over') end()
  })

  const stream: AnswerStream = {
    begin(head) {
      if (state !== 'open') throw gone()
      beginAnswer(reply, head, parts.afterwards())
      state = 'streaming'
    },
    write: limited(parts, piece => {
      if (state !== 'streaming' || raw.destroyed) throw gone()
      if (raw.write(piece)) return undefined
      return new Promise((resolve, reject) => {
        const settle = (): void => {
          raw.off('drain', settle)
          raw.off('close', settle)
          if (raw.destroyed) reject(gone())
          else resolve()
        }
        raw.once('drain', settle)
        raw.once('close', settle)
      })
    }),
  }

  const exchange: Exchange = {
    delivery: {
      record,
      lane: record.source,
      attempts: 0,
      firstSeen: record.time,
      lost: lost.signal,
      deadline: parts.deadline,
      startBy: parts.startBy,
      // An answer that is to be kept is taken as a whole.
      ...(key ? {} : { answerStream: stream }),
    },
    answer(answer) {
      if (state !== 'open') return
      end()
      if (key) void key.release().then(() => write(answer))
      else write(answer)
    },
    answerFirst(answer) {
      if (!key) return exchange.answer(answer)
      if (state === 'open') end()
      void key.answered(answer).then(() => write(answer))
    },
    endStream(how) {
      if (state !== 'streaming') return false
      end()
      if (how === 'whole') raw.end()
      else raw.destroy()
      return true
    },
    abandon,
  }
  return exchange
}

const gone = (): MillraceError =>
  new MillraceError(
    'FUNCTION_FAILED',
    'nobody takes the answer any more: the caller has hung up, or was told otherwise',
  )

/** Counts what is written; beyond the limit nothing is, and the answer will be cut off. */
const limited = (
  { maxAnswerBytes, log, reply }: ExchangeParts,
  write: (piece: Uint8Array) => Promise<void> | undefined,
): AnswerStream['write'] => {
  let bytes = 0
  return piece => {
    bytes += piece.byteLength
    if (bytes <= maxAnswerBytes) return write(piece)
    log.error('an answer is longer than maxAnswer; it is cut off', { maxAnswerBytes })
    reply.raw.destroy()
    throw new MillraceError('FUNCTION_ANSWER_TOO_LARGE', `the answer has more than ${maxAnswerBytes} bytes (maxAnswer)`)
  }
}
