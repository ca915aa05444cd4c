/** A route as a source: requests are its records, and settling one answers it. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Cancel } from '../../core/clock.ts'
import type { ChannelRef, Context, Delivery, Settlement, Source } from '../../core/contract.ts'
import type { RequestAnswer } from '../../core/request-contract.ts'
import { type Answer, answerTo, BAD_GATEWAY, TIMED_OUT, unavailable } from './answers.ts'
import { createArrivals } from './arrivals.ts'
import { createExchange, type Exchange } from './exchange.ts'
import { type Gated, gateOf, type Passed } from './gate.ts'
import { newId } from './id.ts'
import { recordOf } from './record.ts'
import type { HttpServer, Place } from './server.ts'
import type { RouteSettings } from './settings.ts'
import { writeAnswer } from './writing.ts'

const RETRY_MS = 1_000

export const openRouteSource = async (
  context: Context,
  server: HttpServer,
  channel: ChannelRef,
  settings: RouteSettings,
): Promise<Source> => {
  const { clock } = context
  const { address, name } = channel
  const log = context.log.with({ channel: address })
  const gate = gateOf(context, address, settings, settings.timeout)
  let mailbox: Delivery[] = []
  const arrivals = createArrivals(clock)
  let state: 'open' | 'paused' | 'draining' | 'closed' = 'open'
  /** In the order of their deadlines, because all have the same time. */
  const pending = new Map<Delivery, Exchange>()
  let cancelTimeout: Cancel | undefined

  const handle = (request: FastifyRequest, reply: FastifyReply): void => {
    const gated = state === 'open' ? gate(request) : CLOSED
    if (gated instanceof Promise) void gated.then(passed => enter(request, reply, passed))
    else enter(request, reply, gated)
  }

  const enter = (request: FastifyRequest, reply: FastifyReply, gated: Gated): void => {
    if ('answer' in gated) writeAnswer(reply, gated.answer, server.afterwards())
    else if (state === 'open') take(request, reply, gated)
    else {
      void gated.key?.release()
      writeAnswer(reply, unavailable(RETRY_MS), server.afterwards())
    }
  }

  const take = (request: FastifyRequest, reply: FastifyReply, { key }: Passed): void => {
    const time = clock.now()
    const exchange = createExchange({
      reply,
      key,
      record: recordOf(request, { id: key?.id ?? newId(), source: address, route: name, time }),
      deadline: time + settings.timeout,
      startBy: time + settings.maxWait,
      maxAnswerBytes: settings.maxAnswer,
      log,
      afterwards: server.afterwards,
      over: ({ delivery }) => pending.delete(delivery),
    })
    pending.set(exchange.delivery, exchange)
    mailbox.push(exchange.delivery)
    arrivals.wake()
    watchTimeout(settings.timeout)
  }

  /** One timer for all: it looks at the oldest. */
  const watchTimeout = (afterMs: number): void => {
    cancelTimeout ??= clock.after(afterMs, () => {
      cancelTimeout = undefined
      const now = clock.now()
      for (const [delivery, exchange] of pending) {
        const leftMs = (delivery.deadline ?? now) - now
        if (leftMs > 0) return watchTimeout(leftMs)
        if (!exchange.endStream('cut')) exchange.answer(TIMED_OUT)
        exchange.abandon('the deadline of the request has passed')
      }
    })
  }

  const giveBack = (exchanges: Iterable<Exchange | undefined>): void => {
    for (const exchange of exchanges) {
      if (!exchange?.endStream('cut')) exchange?.answer(unavailable(RETRY_MS))
      exchange?.abandon('the app is stopping')
    }
  }
  const emptyMailbox = (): void => {
    giveBack(mailbox.splice(0).map(delivery => pending.get(delivery)))
  }

  const place: Place = { ...settings, name, address, handle }
  await server.add(place)

  return {
    ordered: false,
    retries: 'caller',
    deferStepsMs: [],
    async poll({ max, waitMs, signal }) {
      if (mailbox.length === 0 && !signal.aborted) await arrivals.next(waitMs, signal)
      if (mailbox.length <= max) {
        const all = mailbox
        mailbox = []
        return all
      }
      return mailbox.splice(0, max)
    },
    async settle(settlements) {
      for (const settlement of settlements) {
        const exchange = pending.get(settlement.delivery)
        if (exchange) tell(exchange, settlement)
      }
      return NOTHING
    },
    async pause() {
      if (state === 'open') state = 'paused'
      emptyMailbox()
    },
    async resume() {
      if (state === 'paused') state = 'open'
    },
    drain() {
      state = 'draining'
      server.drain(place)
    },
    async close() {
      if (state === 'closed') return
      state = 'closed'
      cancelTimeout?.()
      giveBack([...pending.values()])
      mailbox = []
      arrivals.close()
      await server.remove(place)
    },
  }

  function tell(exchange: Exchange, settlement: Settlement): void {
    if (settlement.outcome === 'accepted') {
      if (exchange.endStream('whole')) return
      const answer = answerOf(settlement.result as RequestAnswer)
      const bytes = typeof answer.body === 'string' ? Buffer.byteLength(answer.body) : answer.body.byteLength
      if (bytes <= settings.maxAnswer) exchange.answerFirst(answer)
      else {
        log.error('an answer is longer than maxAnswer; the caller was told 502', {
          bytes,
          maxAnswer: settings.maxAnswer,
        })
        exchange.answer(BAD_GATEWAY)
      }
    } else if (settlement.outcome === 'rejected') {
      if (!exchange.endStream('cut')) exchange.answer(answerTo(settlement.reason))
    } else if (!exchange.endStream('cut'))
      exchange.answer(unavailable(settlement.outcome === 'deferred' ? settlement.delayMs : RETRY_MS))
  }
}

const CLOSED: Gated = { answer: unavailable(RETRY_MS) }

const NOTHING: readonly never[] = Object.freeze([])

/** A text stays one: Node writes it together with the headers. */
const answerOf = ({ status, headers, body, isBase64 }: RequestAnswer): Answer => ({
  status,
  headers,
  body: isBase64 ? Buffer.from(body, 'base64') : body,
})
