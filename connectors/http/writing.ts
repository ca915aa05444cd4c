/** Answers on the wire. Headers of the CORS library, which stand at the reply, go along. */
import type { FastifyReply } from 'fastify'
import type { AnswerHead } from '../../core/request-contract.ts'
import type { Answer } from './answers.ts'

/** `close`: the connection ends with this answer. */
export type Afterwards = 'keep' | 'close'

/** Connections that end with an answer that was given: what a client had sent ahead is not for anybody any more. */
const ending = new WeakSet<object>()

export const endsHere = (socket: object): void => void ending.add(socket)
export const isEnding = (socket: object): boolean => ending.has(socket)

const NO_BODY_STATUS: ReadonlySet<number> = new Set([204, 205, 304])

/** Does nothing where the caller has gone or has an answer. Throws for headers that HTTP cannot carry; then nothing was sent. */
export const writeAnswer = (reply: FastifyReply, { status, headers, body }: Answer, afterwards: Afterwards): void => {
  reply.hijack()
  const { raw } = reply
  if (raw.headersSent || raw.destroyed) return
  const flat = headersOf(reply, headers, afterwards)
  if (NO_BODY_STATUS.has(status)) {
    raw.writeHead(status, flat)
    raw.end()
    return
  }
  flat.push('content-length', String(typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength))
  raw.writeHead(status, flat)
  raw.end(body)
}

/** Begins an answer whose length nobody knows yet. Throws like {@link writeAnswer}. */
export const beginAnswer = (reply: FastifyReply, { status, headers }: AnswerHead, afterwards: Afterwards): void => {
  reply.hijack()
  reply.raw.writeHead(status, headersOf(reply, headers, afterwards))
  reply.raw.flushHeaders()
}

const headersOf = (reply: FastifyReply, headers: AnswerHead['headers'], afterwards: Afterwards): string[] => {
  const flat: string[] = []
  const others = reply.getHeaders()
  for (const name in others) if (others[name] !== undefined) flat.push(name, String(others[name]))
  for (const [name, value] of headers) flat.push(name, value)
  if (afterwards === 'close') {
    flat.push('connection', 'close')
    if (reply.raw.socket) endsHere(reply.raw.socket)
  }
  return flat
}
