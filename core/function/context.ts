/** What a function is told about the invocation it serves, and what it can ask of its host. */
import type { Channel } from '../config/channel.ts'
import type { Header, HeaderValue } from '../contract.ts'
import type { Log } from '../log.ts'

/** Lambda's fields, under Lambda's names and types, so that code written against them works; and ours. */
export interface FunctionContext {
  readonly functionName: string
  readonly functionVersion: string
  /** A string, as in Lambda. */
  readonly memoryLimitInMB: string
  readonly awsRequestId: string
  readonly logGroupName: string
  readonly logStreamName: string
  readonly invokedFunctionArn: string
  /** Has no effect: an invocation ends when its promise settles. Kept because Lambda code sets it. */
  callbackWaitsForEmptyEventLoop: boolean
  /** Milliseconds until the function is killed; never below 0. */
  getRemainingTimeInMillis(): number
  /** The name of the mapping. */
  readonly mapping: string
  /** The mapping's order, which says what runs on after a failure. */
  readonly order: 'lane' | 'key' | 'none'
  /** Milliseconds since the epoch at which the function is killed. */
  readonly deadline: number
  /** Aborted when the deadline passes, the claims on the records are lost, or the app is stopped by force. */
  readonly signal: AbortSignal
  /** With onRecord's `idempotency`: the same for every record with this key, for a downstream API that takes such a key. */
  readonly idempotencyKey?: string
  /** With onRecord's `idempotency`: higher than in any run of this key before. */
  readonly fence?: number
  /** Writes to the app's log, with the function, environment and request named in each line. */
  readonly log: Log
  /**
   * Sends records to a channel of the configuration and resolves once its broker confirmed every one. Rejects with
   * SEND_INVALID (nothing was sent) when a record does not fit the channel, and with SEND_FAILED when one was not
   * confirmed. One round trip through the host for each call.
   */
  send<Output, Input>(channel: Channel<Output, Input>, records: readonly SendRecord<NoInfer<Input>>[]): Promise<void>
}

/** A record to send, not yet encoded. */
export interface SendRecord<Data = unknown> {
  /** What the channel's codec encodes and its schema takes. */
  readonly data: Data
  readonly key?: string | Uint8Array | null
  readonly headers?: readonly Header[] | Readonly<Record<string, HeaderValue>>
  /** Chosen by the channel where it is left out. */
  readonly id?: string
  /** Milliseconds since the epoch; the time of sending where it is left out. */
  readonly time?: number
  /** Not to be delivered before this many milliseconds have passed; only where the channel can defer. */
  readonly delayMs?: number
}
