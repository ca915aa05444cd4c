/**
 * A door: what comes in is sent to a channel, and who brought it hears 202 once that channel's broker has confirmed.
 *
 *   signature, key ──▶ records ── all fit codec and schema ──▶ sent ── each confirmed ──▶ 202
 *        │ 401, 400, 409, 422    │ one does not: 400, none is sent      │ any is not: 503, come again
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ChannelRef, Context, Header, OutgoingRecord } from '../../core/contract.ts'
import { errorInfo, type MillraceError } from '../../core/errors.ts'
import type { DoorTools, OpenDoor } from '../../core/request-contract.ts'
import { type Answer, badBody, badRequest, problem, unavailable } from './answers.ts'
import { cloudEventsIn } from './cloudevents.ts'
import { carriedHeaders, requestHeaders } from './door-headers.ts'
import { gateOf, type Passed } from './gate.ts'
import { bodyOf, headersOf } from './record.ts'
import type { HttpServer, Place } from './server.ts'
import type { DoorSettings } from './settings.ts'
import { originAnswer } from './webhooks/origin.ts'
import { writeAnswer } from './writing.ts'

const RETRY_MS = 1_000
/** A broker that confirms nothing has a time limit of its own, which is shorter. */
const SEND_TIMEOUT_MS = 60_000
const NOTHING = new Uint8Array()

export const openDoor = async (
  context: Context,
  server: HttpServer,
  { name, address }: ChannelRef,
  settings: DoorSettings,
  tools: DoorTools,
): Promise<OpenDoor> => {
  const log = context.log.with({ door: address })
  const gate = gateOf(context, address, settings, SEND_TIMEOUT_MS)
  let state: 'open' | 'draining' = 'open'
  const inside = new Set<Promise<void>>()

  const answerTo = async (request: FastifyRequest): Promise<Answer> => {
    const gated = await gate(request)
    if ('answer' in gated) return gated.answer
    const read = recordsIn(request, gated, settings)
    const answer = 'problem' in read ? badRequest(read.problem) : await sendAll(read.records)
    if (answer.status === ACCEPTED) await gated.key?.answered(answer)
    else await gated.key?.release()
    return answer
  }

  const sendAll = async (records: readonly OutgoingRecord[]): Promise<Answer> => {
    for (const { body } of records) {
      const wrong = await tools.check(body)
      if (wrong) return badBody(wrong)
    }
    try {
      const errors = (await tools.send(records)).filter(error => error !== null)
      if (errors.length === 0) return accepted(records.length)
      return refused(errors[0] as MillraceError)
    } catch (thrown) {
      return refused(thrown)
    }
  }

  /** Perhaps some of it was sent: whoever comes again sends the same ids. */
  const refused = (thrown: unknown): Answer => {
    log.warn('what came in was not confirmed; the caller is told to come again', { error: errorInfo(thrown) })
    return unavailable(RETRY_MS)
  }

  const enter = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    let answer: Answer
    try {
      answer = state === 'open' ? await answerTo(request) : unavailable(RETRY_MS)
    } catch (thrown) {
      answer = refused(thrown)
    }
    writeAnswer(reply, answer, server.afterwards())
  }

  const place: Place = {
    ...settings,
    name,
    address,
    handle(request, reply) {
      const entered = enter(request, reply).finally(() => inside.delete(entered))
      inside.add(entered)
    },
    options: request => originAnswer(request.headers, settings.webhookOrigins),
  }
  await server.add(place)
  return {
    drain() {
      state = 'draining'
      server.drain(place)
    },
    async close() {
      await Promise.all(inside)
      await server.remove(place)
    },
  }
}

const ACCEPTED = 202

const accepted = (records: number): Answer => problem(ACCEPTED, { message: 'Accepted', records })

type Records = { readonly records: readonly OutgoingRecord[] } | { readonly problem: string }

const recordsIn = (request: FastifyRequest, { webhookId, key }: Passed, settings: DoorSettings): Records => {
  const headers = headersOf(request)
  const body = bodyOf(request) ?? NOTHING
  const carried: readonly Header[] = [...carriedHeaders(headers, settings.headers), ...requestHeaders(request)]
  const read = cloudEventsIn(headers, body)
  if (!read) {
    const id = webhookId ?? key?.id
    const contentType = headers.filter(([name]) => name === 'content-type')
    return { records: [{ ...(id === undefined ? {} : { id }), body, headers: [...contentType, ...carried] }] }
  }
  if ('problem' in read) return { problem: read.problem }
  return { records: read.events.map(event => ({ ...event, headers: [...event.headers, ...carried] })) }
}
