/** A handler of requests, and the channels it takes them from. */
import type { DataOf, RequestChannel } from '../config/channel.ts'
import type { FunctionRequest } from '../event/http/request.ts'
import type { FunctionContext } from './context.ts'
import { HANDLER, type HandlerMark } from './handler.ts'

type RequestChannels = RequestChannel | readonly RequestChannel[]
type DataOfRequest<C> = C extends readonly (infer One)[] ? DataOf<One> : DataOf<C>

export interface RequestHandler<Data = unknown> {
  (request: FunctionRequest<Data>, context: FunctionContext): Promise<unknown>
  readonly [HANDLER]: HandlerMark
}

/**
 * `handle` answers with a Response of the web, or with what API Gateway takes of a function: an object with a `statusCode`,
 * or any JSON value, which is the body then. What it throws is a 500 whose reason stands in the log alone.
 */
export const onRequest = <const C extends RequestChannels>(
  channels: C,
  handle: (request: FunctionRequest<DataOfRequest<C>>, context: FunctionContext) => unknown,
): RequestHandler<DataOfRequest<C>> => {
  const mark: HandlerMark = { channels: isList(channels) ? channels : [channels], takes: 'request' }
  const call = async (request: FunctionRequest<DataOfRequest<C>>, context: FunctionContext): Promise<unknown> =>
    handle(request, context)
  return Object.assign(call, { [HANDLER]: mark })
}

const isList = (channels: RequestChannels): channels is readonly RequestChannel[] => Array.isArray(channels)
