/** Which codec and schema the records of an invocation are read with, or why this function is not for them. */
import type { ErrorInfo } from '../../contract.ts'
import { type Decode, decoderOf, namedDecoder } from '../../event/decode.ts'
import type { Invocation } from '../contract.ts'
import type { LoadedFunction } from './load.ts'

type Asked = Pick<Invocation, 'channel' | 'codec' | 'hasSchema' | 'mapping' | 'events'>

export type Found<Reads> = { readonly decode: Reads; readonly error?: undefined } | { readonly error: ErrorInfo }

/** For a batch in Millrace's own form. */
export const decoderFor = (loaded: LoadedFunction, request: Asked): Found<Decode> => {
  const known = loaded.decoders.get(request.channel)
  if (known) return { decode: known }
  const made = loaded.mark ? markedDecoder(loaded, request) : plainDecoder(loaded, request)
  if (!made.error && made.decode) loaded.decoders.set(request.channel, made.decode)
  return made
}

/** For a request in Millrace's own form: a plain function knows the channel by the name of its codec. */
export const requestDecoder = (loaded: LoadedFunction, request: Asked): Found<Decode> => {
  const known = loaded.decoders.get(request.channel)
  if (known) return { decode: known }
  const made = loaded.mark ? markedRequestDecoder(loaded, request) : plainDecoder(loaded, request)
  if (!made.error && made.decode) loaded.decoders.set(request.channel, made.decode)
  return made
}

const markedRequestDecoder = (loaded: LoadedFunction, request: Asked): Found<Decode> =>
  loaded.mark?.takes === 'request'
    ? markedDecoder(loaded, request)
    : mismatch(
        `functions.${loaded.name} is not made by onRequest, but mapping ${request.mapping} reads ${request.channel}, ` +
          'which takes requests; use onRequest, a plain function, or, for what onEvent makes, write a format',
      )

/** For an event of a foreign format: bodies go as they came, and are only read where a schema is to check them. */
export const guardFor = (loaded: LoadedFunction, request: Asked): Found<Decode | undefined> => {
  const { format } = request.events ?? { format: 'millrace' }
  if (!loaded.mark) {
    if (!request.hasSchema) return { decode: undefined }
    return mismatch(
      `functions.${loaded.name} is a plain function, but ${request.channel} has a schema, which only what onEvent makes can ` +
        'apply; write: export const handler = onEvent(channel, async event => { … })',
    )
  }
  if (loaded.mark.takes !== 'event' && format === 'direct')
    return mismatch(
      `functions.${loaded.name} is made by onRecord or onBatch, which take records of ` +
        `${loaded.mark.channels.map(({ address }) => address).join(', ')}; send it there instead of invoking it`,
    )
  if (loaded.mark.takes !== 'event')
    return mismatch(
      `functions.${loaded.name} is made by onRecord or onBatch, which take Millrace's own records, but mapping ` +
        `${request.mapping} has format '${format}'; export a plain function or use onEvent, or leave out format`,
    )
  const known = loaded.decoders.get(request.channel)
  if (known || !request.hasSchema) return { decode: known }
  const made = markedDecoder(loaded, request)
  if (!made.error && made.decode) loaded.decoders.set(request.channel, made.decode)
  return made
}

const markedDecoder = (loaded: LoadedFunction, request: Asked): Found<Decode> => {
  if (loaded.mark?.takes === 'request' && request.events?.format !== 'request')
    return mismatch(
      `functions.${loaded.name} is made by onRequest, which is for channels of requests, but mapping ${request.mapping} ` +
        `reads ${request.channel}; use onRecord or onBatch`,
    )
  if (loaded.mark?.takes === 'event' && !request.events)
    return mismatch(
      `functions.${loaded.name} is made by onEvent, which is for events of other formats, but mapping ${request.mapping} ` +
        "has format 'millrace'; use onRecord or onBatch, or write format: 'lambda' or 'cloudevents'",
    )
  const channels = loaded.mark?.channels ?? []
  const channel = channels.find(candidate => candidate.address === request.channel)
  if (channel) return { decode: decoderOf(channel) }
  const written = channels.map(candidate => candidate.address).join(', ')
  return mismatch(
    `functions.${loaded.name} is written for ${written || 'no channel'}, but mapping ${request.mapping} reads ` +
      `${request.channel}; give ${request.events ? 'onEvent' : 'onRecord or onBatch'} that channel (a list takes several), ` +
      "or change the mapping's source",
  )
}

const plainDecoder = (loaded: LoadedFunction, request: Asked): Found<Decode> => {
  if (request.codec !== 'custom' && !request.hasSchema) return { decode: namedDecoder(request.channel, request.codec) }
  const has = request.hasSchema ? 'a schema' : 'a codec of its own'
  return mismatch(
    `functions.${loaded.name} is a plain function, but ${request.channel} has ${has}, which only onRecord and onBatch ` +
      'can apply; write: export const handler = onRecord(channel, async record => { … })',
  )
}

const mismatch = (message: string): Found<never> => ({
  error: { name: 'FunctionMismatch', code: 'FUNCTION_MISMATCH', message },
})
