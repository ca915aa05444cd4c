/** Posts events to a receiver, one after the other, so that they arrive in their order. */
import { randomUUID } from 'node:crypto'
import type { ChannelRef, Context, OutgoingRecord, Sink } from '../../core/contract.ts'
import { errorInfo, MillraceError } from '../../core/errors.ts'
import { attributeOf, eventHeaders } from './request.ts'

type Outcome = null | MillraceError

export interface Receiver {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly timeoutMs: number
}

interface EventOptions {
  readonly source?: string
  readonly contentType?: string
}

interface Sent {
  readonly outcome: Outcome
  /** The receiver cannot be reached, or takes nothing now: what comes behind is not sent to find that out again. */
  readonly last: boolean
}

/** Answers with which the receiver says that it is not the event's fault. */
const LATER: ReadonlySet<number> = new Set([401, 403, 404, 408, 425, 429])

export const createSink = (
  { clock }: Pick<Context, 'clock'>,
  { url, headers, timeoutMs }: Receiver,
  { name: type, address, options }: ChannelRef,
): Sink => {
  const { source, contentType = 'application/json' } = options as EventOptions
  let turn: Promise<unknown> = Promise.resolve()

  const sendOne = async (record: OutgoingRecord): Promise<Sent> => {
    if (record.delayMs)
      return refused(`delayMs must be 0: a receiver of CloudEvents keeps nothing back, got ${record.delayMs}`)
    const event = eventHeaders(record, {
      id: record.id ?? attributeOf(record, 'id') ?? randomUUID(),
      type,
      source: source ?? attributeOf(record, 'source') ?? encodeURI(`/${address}`),
      time: record.time ?? clock.now(),
      contentType,
    })
    const late = new AbortController()
    const cancel = clock.after(timeoutMs, () => late.abort(new Error(`no answer within ${timeoutMs} ms`)))
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers: { ...Object.fromEntries(event), ...headers },
        body: record.body as Uint8Array<ArrayBuffer> | null,
        signal: late.signal,
        redirect: 'manual',
      })
      await answer.body?.cancel()
      if (answer.ok) return { outcome: null, last: false }
      const last = answer.status >= 500 || LATER.has(answer.status)
      return { outcome: sendFailed(`the receiver answered ${answer.status}`), last }
    } catch (thrown) {
      // Of fetch itself one learns only that it failed; why stands in its cause.
      const { cause = thrown } = thrown as { readonly cause?: unknown }
      return {
        outcome: sendFailed(`the receiver cannot be reached: ${errorInfo(cause).message}; check url`, thrown),
        last: true,
      }
    } finally {
      cancel()
    }
  }
  const sendFailed = (why: string, cause?: unknown): MillraceError =>
    new MillraceError('SEND_FAILED', `sending to ${address}: ${why}`, cause === undefined ? {} : { cause })
  const refused = (why: string): Sent => ({
    outcome: new MillraceError('SEND_INVALID', `${address}: ${why}`),
    last: false,
  })

  const sendAll = async (records: readonly OutgoingRecord[]): Promise<readonly Outcome[]> => {
    const outcomes: Outcome[] = []
    let end: Outcome = null
    for (const record of records) {
      const sent: Sent = end ? { outcome: end, last: true } : await sendOne(record)
      outcomes.push(sent.outcome)
      if (sent.last) end = sent.outcome
    }
    return outcomes
  }
  return {
    send(records) {
      const sent = turn.then(() => sendAll(records))
      turn = sent.catch(() => {})
      return sent
    },
    async close() {
      await turn
    },
  }
}
