/**
 * One invocation, inside an environment of any isolation: decode, call the handler, and whatever happens becomes a value.
 *
 *   for this channel? ── no ──▶ mismatch
 *     │ begin
 *     ▼
 *   decode ── every record refused ──▶ answered, the handler is not called
 *     ▼
 *   handler ── throws ──▶ failed
 *     ▼
 *   answered
 */

import type { ErrorInfo } from '../../contract.ts'
import { type Decode, decoderOf, namedDecoder } from '../../event/decode.ts'
import { decodeBatch } from '../../event/record.ts'
import type { ReadText } from '../../event/text.ts'
import type { FunctionContext } from '../../function/context.ts'
import { functionError } from '../../function/errors.ts'
import type { FunctionError, Invocation, RefusedRecord } from '../contract.ts'
import type { LoadedFunction } from './load.ts'

/** An invocation as it reaches the environment. */
export type Request = Omit<Invocation, 'signal'>

export type RunResult =
  | { readonly kind: 'answered'; readonly value: unknown; readonly refused: readonly RefusedRecord[] }
  | { readonly kind: 'failed'; readonly error: FunctionError; readonly refused: readonly RefusedRecord[] }
  | { readonly kind: 'not-ready'; readonly error: ErrorInfo }

export interface RunParts {
  readonly request: Request
  readonly context: FunctionContext
  readonly readText: ReadText
  /** Called once, before any code of the user runs. */
  readonly begin: () => void
}

const NONE: readonly RefusedRecord[] = []

/** Never rejects. */
export const runInvocation = async (loaded: LoadedFunction, parts: RunParts): Promise<RunResult> => {
  const { request } = parts
  const decoder = decoderFor(loaded, request)
  if ('error' in decoder) return { kind: 'not-ready', error: decoder.error }
  parts.begin()
  let refused = NONE
  try {
    const decoding = decodeBatch(request.records, decoder.decode, parts.readText)
    const decoded = decoding instanceof Promise ? await decoding : decoding
    refused = decoded.refused
    if (decoded.batch.length === 0 && refused.length > 0) return { kind: 'answered', value: undefined, refused }
    return { kind: 'answered', value: await loaded.handle(decoded.batch, parts.context), refused }
  } catch (thrown) {
    return { kind: 'failed', error: functionError(thrown), refused }
  }
}

const decoderFor = (loaded: LoadedFunction, request: Request): { decode: Decode } | { error: ErrorInfo } => {
  const known = loaded.decoders.get(request.channel)
  if (known) return { decode: known }
  const made = loaded.mark ? markedDecoder(loaded, request) : plainDecoder(loaded, request)
  if ('decode' in made) loaded.decoders.set(request.channel, made.decode)
  return made
}

const markedDecoder = (loaded: LoadedFunction, request: Request): { decode: Decode } | { error: ErrorInfo } => {
  const channels = loaded.mark?.channels ?? []
  const channel = channels.find(candidate => candidate.address === request.channel)
  if (channel) return { decode: decoderOf(channel) }
  const written = channels.map(candidate => candidate.address).join(', ')
  return mismatch(
    `functions.${loaded.name} is written for ${written || 'no channel'}, but mapping ${request.mapping} reads ` +
      `${request.channel}; give onRecord or onBatch that channel (a list takes several), or change the mapping's source`,
  )
}

const plainDecoder = (loaded: LoadedFunction, request: Request): { decode: Decode } | { error: ErrorInfo } => {
  if (request.codec !== 'custom' && !request.hasSchema) return { decode: namedDecoder(request.channel, request.codec) }
  const has = request.hasSchema ? 'a schema' : 'a codec of its own'
  return mismatch(
    `functions.${loaded.name} is a plain function, but ${request.channel} has ${has}, which only onRecord and onBatch ` +
      'can apply; write: export const handler = onRecord(channel, async record => { … })',
  )
}

const mismatch = (message: string): { error: ErrorInfo } => ({
  error: { name: 'FunctionMismatch', code: 'FUNCTION_MISMATCH', message },
})
