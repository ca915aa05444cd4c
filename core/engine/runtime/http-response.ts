/** A Response of the web as an answer: whole where its body comes at once, piece by piece where it does not. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { base64Of, utf8Of } from '../../event/bytes.ts'
import { FRAMING } from '../../event/lambda/api-gateway-answer.ts'
import type { AnswerHead, AnswerStream, RequestAnswer } from '../../request-contract.ts'

/** Larger bodies are not made text and carried whole. */
const WHOLE_BYTES = 1_048_576

type Reader = ReadableStreamDefaultReader<Uint8Array>
type Piece = Awaited<ReturnType<Reader['read']>>

export type Answered = RequestAnswer | 'streamed' | { readonly problem: string }

/** Rejects with what reading the body rejects with. `signal` aborted ends the reading. */
export const answerResponse = async (
  response: Response,
  stream: AnswerStream | undefined,
  signal: AbortSignal,
): Promise<Answered> => {
  const head = headOf(response)
  if (head.status < MIN_STATUS) return { problem: `the function's answer: a Response with the status ${head.status}` }
  if (response.bodyUsed) return { problem: "the function's answer: a Response whose body was read already" }
  if (response.body === null) return whole(head, NOTHING)
  const reader: Reader = response.body.getReader()
  const first = await reader.read()
  if (first.done) return whole(head, NOTHING)
  if (!stream) return collect(head, first.value, reader)
  const second = reader.read()
  // What is made of a text or bytes ends in the same turn: only a body that is still being made is a stream.
  const atOnce = await Promise.race([second, nextTurn(undefined)])
  if (atOnce?.done && first.value.byteLength <= WHOLE_BYTES) return whole(head, first.value)
  stream.begin(head)
  await pass(stream, first.value, second, reader, signal)
  return 'streamed'
}

/** 0 is that of a Response.error(). */
const MIN_STATUS = 200
const NOTHING = new Uint8Array()

const headOf = ({ status, headers }: Response): AnswerHead => ({
  status,
  headers: [...headers].filter(([name]) => !FRAMING.has(name)),
})

const whole = (head: AnswerHead, bytes: Uint8Array): RequestAnswer => {
  const text = utf8Of(bytes)
  return text === undefined
    ? { ...head, body: base64Of(bytes), isBase64: true }
    : { ...head, body: text, isBase64: false }
}

const collect = async (head: AnswerHead, first: Uint8Array, reader: Reader): Promise<RequestAnswer> => {
  const pieces = [first]
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) pieces.push(piece.value)
  return whole(head, Buffer.concat(pieces))
}

const pass = async (
  stream: AnswerStream,
  first: Uint8Array,
  second: Promise<Piece>,
  reader: Reader,
  signal: AbortSignal,
): Promise<void> => {
  const cancel = (): void => void reader.cancel(signal.reason).catch(() => {})
  signal.addEventListener('abort', cancel, { once: true })
  try {
    await stream.write(first)
    for (let piece = await second; !piece.done; piece = await reader.read()) await stream.write(piece.value)
  } catch (thrown) {
    cancel()
    throw thrown
  } finally {
    signal.removeEventListener('abort', cancel)
  }
}
