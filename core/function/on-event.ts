import type { FunctionContext } from './context.ts'
import { type Channels, HANDLER, type HandlerMark, isList } from './handler.ts'

/** A handler of events in the form of AWS Lambda or of CloudEvents, and the channels whose records it takes. */
export interface EventHandler<Event = never> {
  (event: Event, context: FunctionContext): unknown
  readonly [HANDLER]: HandlerMark
}

/** The first for functions written here, the second for what has AWS's own types. */
interface OnEvent {
  <Event>(channels: Channels, handle: (event: Event, context: FunctionContext) => unknown): EventHandler<Event>
  <Event>(channels: Channels, handle: (event: Event, ...more: never[]) => unknown): EventHandler<Event>
}

/**
 * For mappings with `format: 'lambda'` or `'cloudevents'` whose channel has a schema: records that do not fit it are
 * parked, and `handle`, a function as it runs on AWS, never sees them. Without a schema a plain function will do.
 */
export const onEvent: OnEvent = <Event>(
  channels: Channels,
  handle: (event: Event, ...more: never[]) => unknown,
): EventHandler<Event> => {
  const mark: HandlerMark = { channels: isList(channels) ? channels : [channels], takes: 'event' }
  const call = (...given: [Event, ...never[]]): unknown => handle(...given)
  // What the handler says of itself goes with it: that it streams, or waits for a callback.
  Object.defineProperty(call, 'length', { value: handle.length })
  return Object.assign(call as (event: Event) => unknown, handle, { [HANDLER]: mark })
}
