/**
 * What the flow knows of the engine: it asks for an environment, gives it one batch, and gets a report.
 * An environment is initialised once and invoked many times, one request at a time.
 */
import type { ErrorInfo, EventRecord, OutgoingRecord } from '../contract.ts'
import type { IdempotencyStore } from '../idempotency-store.ts'
import type { AnswerStream } from '../request-contract.ts'

export type Isolation = 'process' | 'thread' | 'inline'

/** A function as the engine runs it; durations in milliseconds, memory in MB (1,024 KB). */
export interface FunctionSpec {
  readonly name: string
  readonly code: FunctionCode
  /** A new version beside it, and how many percent of the invocations it gets. */
  readonly canary?: { readonly code: FunctionCode; readonly weight: number }
  readonly isolation: Isolation
  readonly timeoutMs: number
  readonly initTimeoutMs: number
  readonly memoryMb: number
  /** An environment unused for this long is ended. */
  readonly idleMs: number
  readonly maxEnvironments: number
  /** Of those the app may have at once: so many are kept for this function. */
  readonly reserved: number
  /** Environments kept past Init, whether or not they are used. */
  readonly provisioned: number
  /** Whether one environment past Init is kept for the next cold start. */
  readonly snapshot: boolean
  /** Environments that may be started within 10 seconds. */
  readonly rampUp: number
  /** Whether START, END and REPORT are written to the log as on Lambda. */
  readonly reportLines: boolean
  /** What the function sees of the environment beside PATH, TZ, LANG, NODE_ENV and Lambda's variables. */
  readonly env: Readonly<Record<string, string>>
  readonly nodeOptions: readonly string[]
  /** Left out: everything is allowed. */
  readonly permissions?: Permissions
}

/** What Node lets a function do: a guard rail against slips, not a sandbox. The network stays open. */
export interface Permissions {
  /** Absolute paths of files, or of folders with all below, that may be read beside its code and packages. */
  readonly read: readonly string[]
  /** The same of what may be written beside its own folder. */
  readonly write: readonly string[]
  readonly childProcesses: boolean
  readonly workers: boolean
  readonly addons: boolean
}

/** What a function's share of CPU may be kept by. */
export type CpuMeans = 'cgroup-v2' | 'cgroup-v1' | 'duty-cycle' | 'nice'

/** Where a function's code is: a handler given as a value means inline isolation. */
export type FunctionCode = ModuleCode | Program | PackageCode | RemoteCode | ImageCode | { readonly handler: unknown }

/** A module that can be imported. Paths are absolute. */
export interface ModuleCode {
  readonly file: string
  /** The export that is the handler, or `orders.charge`, a member of one. Left out: `handler`, else the default export. */
  readonly export?: string
  /** The folder of the package it is part of; left out for a module by itself. */
  readonly root?: string
  /** Whether stacks are told by the source map beside it. */
  readonly sourceMaps?: 'read'
  readonly layers?: MergedLayers
}

export interface MergedLayers {
  /** All of them as one folder, /opt on Lambda. */
  readonly folder: string
  /** The folders it is made of. */
  readonly sources: readonly string[]
}

/** A program in any language, which asks for its requests over the Lambda Runtime API. */
export interface Program {
  /** What is started, and its arguments. */
  readonly command: readonly string[]
  /** Absolute path of the folder it is started in. */
  readonly folder: string
  /** What it is told as its handler; left out: a name made of the last word of the command. */
  readonly handler?: string
  readonly layers?: MergedLayers
}

/** What has to be prepared before it is a module or a program. */
export interface PackageCode {
  /** Absolute path of a folder, a zip or, with layers, a module. */
  readonly package: string
  /** The handler as it was written: `charge`, or `src/app.charge`. */
  readonly entry?: string
  /** What is started in the folder. Left out: its `bootstrap`, where there is one; otherwise it is a module. */
  readonly command?: readonly string[]
  /** Absolute paths of folders and zips; a later one covers earlier ones. */
  readonly layers: readonly string[]
  /** What its zips may come to, unpacked. */
  readonly maxBytes: number
  /** A module is made one file with what it imports, by the project's esbuild. Left out: it is run as it is. */
  readonly bundle?: 'esbuild'
}

/** A function that runs somewhere else, behind HTTP. */
export interface RemoteCode {
  /** http or https. */
  readonly url: string
  /** `lambda`: an invoke endpoint, a request for each batch. `cloudevents`: a receiver, a request for each record. */
  readonly protocol: 'lambda' | 'cloudevents'
  readonly headers: Readonly<Record<string, string>>
  readonly tls: RemoteTls
}

/** PEM. */
export interface RemoteTls {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

/** A container image that answers the invoke endpoint. */
export interface ImageCode {
  readonly image: string
  /** In place of the image's own; none leaves that as it is. */
  readonly containerCommand: readonly string[]
}

/** Names a change of the function's code: a hash of it, or `inline`; of a function somewhere else, where that is. */
export type Version = string

/** What a channel says of its bodies, for functions that are not written with onRecord or onBatch. */
export type CodecName = 'json' | 'text' | 'bytes' | 'custom'

/** In which form a function gets its records. */
export type EventFormat = 'millrace' | 'lambda' | 'cloudevents'

/** A form that is not Millrace's own, and what it says of where records come from; the same for all of a mapping. */
export interface ForeignEvents {
  /** `direct`: the record's body is the event, and a caller waits. `request`: one request in Millrace's own form. */
  readonly format: Exclude<EventFormat, 'millrace'> | 'direct' | 'request'
  /** The kind of the connector and the type of the channel, `kafka/topic`: which of the format's shapes it is. */
  readonly place: string
  /** The channel's name, without that of its connection. */
  readonly name: string
  /** Where a client of the broker begins: `host:port`, several with commas between. */
  readonly servers?: string
  /** RabbitMQ's. */
  readonly virtualHost?: string
}

export interface InvokedRecord {
  readonly record: EventRecord
  /** The attempt this would be if it fails: 1 for a new record. */
  readonly attempt: number
  readonly idempotencyKey: string
  /** Raised with every delivery of the record that this mapping has claimed; outdates earlier claims. */
  readonly fence: number
  /** Milliseconds since the epoch at which the mapping first claimed it; for foreign formats, which tell it. */
  readonly firstSeen?: number
}

export interface Invocation {
  readonly requestId: string
  readonly mapping: string
  /** The address of the channel the records come from. */
  readonly channel: string
  readonly codec: CodecName
  /** True when the channel has a schema, which only onRecord and onBatch can apply. */
  readonly hasSchema: boolean
  /** Left out where the function gets records in Millrace's own form. */
  readonly events?: ForeignEvents
  /** The mapping's order: onRecord stops at a failure (`lane`), or skips the later records of its key (`key`). */
  readonly order: 'lane' | 'key' | 'none'
  readonly records: readonly InvokedRecord[]
  /** Nothing else is given to its environment until it has ended. Default: false. */
  readonly alone?: boolean
  /** The records are dead letters that somebody sent back. Default: false. */
  readonly replayed?: boolean
  /** Takes an answer piece by piece, from functions that stream: then their outcome has no value. */
  readonly stream?: AnswerStream
  /** Aborted when the claims are lost or the app is stopped by force; the environment sees it as `context.signal`. */
  readonly signal: AbortSignal
}

/** What an invocation came to. Never an exception: even a function that takes its environment with it is a report. */
export interface Report {
  readonly outcome: Outcome
  readonly environment: string
  readonly version: Version
  readonly cold: boolean
  /** From handing over to the answer or the kill, without Init. */
  readonly durationMs: number
  /** Duration and Init, rounded up to a whole millisecond. */
  readonly billedMs: number
  /** Billed time times memory size. */
  readonly gbSeconds: number
  /** Only of a cold start: until the environment was ready, of which {@link ColdStart} tells more. */
  readonly initMs?: number
  /** Only of a cold start of a function with `snapshot`: as Lambda tells it of SnapStart. */
  readonly restoreMs?: number
  readonly coldStart?: ColdStart
  readonly memoryMb: number
  readonly maxMemoryMb?: number
  /** The share of CPU it was held to, in cores, and by what; left out where it had all there is. */
  readonly cpu?: { readonly cores: number; readonly by: CpuMeans }
  /** The last lines of output during the invocation, bounded; of a cold one in a process or thread, of its Init too. */
  readonly logs: readonly string[]
}

/** What a cold start consisted of, in milliseconds. What is left of `initMs` was preparing a package or waiting. */
export interface ColdStart {
  /** Started for this request, a blank process that was there before, or one past Init (`snapshot`). */
  readonly from: 'new' | 'zygote' | 'snapshot'
  /** Starting a process or a thread, or telling a blank one what it is. */
  readonly startMs?: number
  /** Node and the runtime, until they asked for the function; 0 for a blank one, which has both. */
  readonly runtimeMs?: number
  /** Importing the function. */
  readonly importMs?: number
  /** Functions with `snapshot`: until its `afterRestore` was done. */
  readonly restoreMs?: number
}

export type Outcome =
  /** `value` is what the handler answered, as JSON would carry it; `failures` were found before it was called. */
  | { readonly kind: 'answered'; readonly value: unknown; readonly refused: readonly RefusedRecord[] }
  /** The handler threw, or the environment was killed or ended. Charges a record that was alone. */
  | { readonly kind: 'failed'; readonly error: FunctionError; readonly refused: readonly RefusedRecord[] }
  /** The function could not be made ready, or is not for these records: nothing was tried, nobody is charged. */
  | { readonly kind: 'not-ready'; readonly error: ErrorInfo }
  /** A function somewhere else had no room and did not look at it: nobody is charged, and it comes again. */
  | { readonly kind: 'throttled'; readonly error: ErrorInfo; readonly retryAfterMs?: number }
  /** Stopped by the invocation's signal: nobody is charged. */
  | { readonly kind: 'aborted' }

/** A record whose body failed its codec or schema; the handler never saw it. */
export interface RefusedRecord {
  readonly id: string
  readonly verdict: 'undecodable' | 'invalid'
  readonly error: ErrorInfo
}

export interface FunctionError extends ErrorInfo {
  /** False: a NotRetryable. Default: true. */
  readonly retryable?: boolean
  readonly retryAfterMs?: number
}

/** An environment granted to one mapping for one batch. */
export interface Slot {
  /** Runs one batch; call it once. Resolves when the environment is free, replaced or gone. */
  invoke(invocation: Invocation): Promise<Report>
  /** Gives the environment back unused. */
  release(): void
}

export interface Engine {
  /**
   * Resolves once an environment of the function may be used, or could be started; round robin over the mappings that
   * wait. Undefined when `signal` aborted first or the engine was closed. Starting it is part of `invoke`: a failing Init is a report.
   */
  acquire(functionName: string, mapping: string, signal: AbortSignal): Promise<Slot | undefined>
  version(functionName: string): Version
  stats(functionName: string): EngineStats
  /** Ends idle environments at once, busy ones after their request or `graceMs`, whichever is first. A second call may shorten it. */
  close(graceMs: number): Promise<void>
}

/** Why there is no environment now. */
export interface Throttled {
  /** All that the function may have (`function`) or that the app may have (`app`) are busy, or too many started just now (`ramp`). */
  readonly throttled: 'function' | 'app' | 'ramp' | 'closed'
  /** For an HTTP 429: what, where, what to do. */
  readonly message: string
  /** When it is worth to come again. */
  readonly retryAfterMs: number
}

export interface EngineStats {
  readonly environments: number
  readonly busy: number
  readonly waiting: number
  readonly coldStarts: number
  readonly invocations: number
  /** Direct calls that were told to come again. */
  readonly throttled: number
}

/** What `context.send` and the like reach through the host. */
export interface Host {
  /** Sends to a channel of the configuration by its address; rejects unless the broker confirmed every record. */
  send(address: string, records: readonly OutgoingRecord[]): Promise<void>
  /** Where the idempotency keys of a mapping are kept. Left out where there are none. */
  keys?(mapping: string): IdempotencyStore
}
