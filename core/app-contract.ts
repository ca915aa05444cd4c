/** What an app offers: to a service that embeds it, to the command line, to tests. */
import type { AppStatus } from './app-status.ts'
import type { Channel, InputOf } from './config/channel.ts'
import type { OutgoingRecord } from './contract.ts'
import type { DeployStatus } from './deploys.ts'
import type { Variant } from './engine/canary.ts'
import type { MillraceError } from './errors.ts'
import type { SendRecord } from './function/context.ts'
import type { StoredKey } from './idempotency-store.ts'
import type { InvokeAnswer } from './invoke/direct.ts'
import type { DeadLetters } from './letters-contract.ts'
import type { Log } from './log.ts'
import type { Sources } from './mappings.ts'

export interface App {
  /**
   * Starts every mapping. Resolves when each reads its source, or waits for a source that is not there yet. Rejects
   * with SECRET_MISSING or STATE_UNAVAILABLE, and then nothing runs. The process stays alive until `stop`.
   */
  start(): Promise<void>
  /** Drains: finishes what runs within `drainTimeout`, gives back the rest, closes everything. May be called twice. */
  stop(): Promise<void>
  /**
   * Sends records to a channel of the configuration, given as value or address; resolves once its broker confirmed
   * every one. Rejects with SEND_INVALID, and nothing was sent, or with SEND_FAILED when some were not confirmed.
   */
  send<Target extends Channel>(channel: Target | string, records: readonly SendRecord<InputOf<Target>>[]): Promise<void>
  /** Like `send`, with bodies that are bytes already and unchecked; answers for each record. */
  sendOutgoing(address: string, records: readonly OutgoingRecord[]): Promise<readonly (null | MillraceError)[]>
  /**
   * Calls a function with an event, once, and answers what came of it; works without `start`. `event` is what JSON can
   * carry, or its bytes. Rejects with FUNCTION_NOT_FOUND. For plain functions and those of onEvent: what onRecord and
   * onBatch make take records, which are sent to their channel.
   */
  invoke(functionName: string, event?: unknown, options?: InvokeOptions): Promise<InvokeAnswer>
  /**
   * Has a function with the option `async` run later, once the event is durable: retried, and parked in the end. Two
   * events of one `requestId` are one where the first still waits. Rejects with FUNCTION_NOT_FOUND for others.
   */
  invokeAsync(
    functionName: string,
    event?: unknown,
    options?: Pick<InvokeOptions, 'requestId'>,
  ): Promise<{ readonly requestId: string }>
  /** Takes a changed configuration: only functions and mappings that changed are exchanged. Rejects and changes nothing when it is wrong. */
  reload(config: unknown): Promise<ReloadAnswer>
  /** Claims nothing more for a mapping, or goes on: also in lanes and keys that stopped behind a dead letter. */
  pause(mapping: string): Promise<void>
  resume(mapping: string): Promise<void>
  status(): AppStatus
  readonly deadLetters: DeadLetters
  /** What is known of keys of `idempotency`, of mappings and of their functions. Works without `start`. */
  readonly idempotency: AppKeys
}

export interface InvokeOptions {
  /** Aborting it aborts `context.signal`, and ends the function a second later. */
  readonly signal?: AbortSignal
  /** Default: a new one. */
  readonly requestId?: string
  /** Of a function with a canary: which version. Default: as the weight says. */
  readonly variant?: Variant
}

export interface ReloadAnswer {
  /** Names of functions and mappings. */
  readonly functions: readonly string[]
  readonly mappings: readonly string[]
}

export interface AppOptions {
  /** What relative paths start from. Default: the folder of `configFile`, else the working folder. */
  readonly configFile?: string
  /** Default: silent. */
  readonly log?: Log
  /** How the process that embeds the app fares with loading its configuration again: for `status`. */
  readonly deploys?: () => DeployStatus
  /** What mappings read: `replays` leaves their channels alone and only runs dead letters again. Default: all. */
  readonly sources?: Sources
}

/** Keys by what somebody wrote (`order-7`), or by what errors call them (`shop/charge:…`). */
export interface AppKeys {
  /** Of every mapping, or of one; empty where nothing is known. */
  find(key: string, of?: { readonly mapping?: string }): Promise<readonly FoundKey[]>
  /** Forgets them, also where somebody is at it: then its record may run twice at once. Answers what was forgotten. */
  release(key: string, of?: { readonly mapping?: string }): Promise<readonly FoundKey[]>
}

export interface FoundKey {
  /** `app/mapping`, or `app/mapping/record` of a function. */
  readonly consumer: string
  readonly stored: StoredKey
}
