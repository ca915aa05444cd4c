/** A configuration after validation: complete, with absolute paths, milliseconds and bytes. Secrets are references still. */
import type { StartPosition } from '../contract.ts'
import type { CodecName, EventFormat } from '../engine/contract.ts'
import type { Policy } from '../flow/policy.ts'
import type { RequestPolicy } from '../flow/requests/policy.ts'
import type { AnswerFormat } from '../invoke/records.ts'
import type { AnyChannel, Channel, ConnectionValue, Door } from './channel.ts'
import type { FilterValue } from './filter-option.ts'
import type { ResolvedFunction } from './function-options.ts'
import type { IdempotencyValue } from './idempotency-options.ts'
import type { InvokeValues } from './invoke-options.ts'
import type { LetterValues, StateConnection } from './letter-options.ts'
import type { Problem } from './problem.ts'

export interface ResolvedConfig {
  readonly name: string
  /** Absolute. */
  readonly stateDir: string
  /** Over all mappings. */
  readonly maxInFlightBytes: number
  /** Over all functions. */
  readonly maxEnvironments: number
  readonly cpuShares: 'on' | 'off'
  readonly zygotes: number
  /** Where functions may be called over HTTP. */
  readonly invoke: InvokeValues | undefined
  /** Where dead letters are, when not in `stateDir`. */
  readonly state: StateConnection | undefined
  readonly deadLetters: LetterValues
  /** Where keys are kept; left out: in `state`, else in the state folder. */
  readonly idempotency: { readonly store?: ConnectionValue | undefined }
  /** Where slots of schedules are kept; undefined: in `stateDir`. */
  readonly slots: ConnectionValue | undefined
  readonly connections: ReadonlyMap<string, ConnectionValue>
  /** By address: every channel that is read, parked to or listed; options are checked and complete. */
  readonly channels: ReadonlyMap<string, AnyChannel>
  readonly doors: readonly Door[]
  readonly functions: ReadonlyMap<string, ResolvedFunction>
  readonly mappings: readonly ResolvedMapping[]
  /** What is allowed and worth knowing, to be logged once at start. */
  readonly notices: readonly Problem[]
}

export interface ResolvedMapping {
  readonly name: string
  readonly channel: AnyChannel
  readonly group: string
  readonly start: StartPosition
  readonly functionName: string
  readonly codec: CodecName
  readonly format: EventFormat | 'direct'
  readonly deadLetters: { readonly to: readonly Channel[]; readonly format: 'record' | 'envelope' }
  /** Of asynchronous invocations: where answers go, and in which form these and dead letters are sent. */
  readonly answers?: { readonly to: readonly Channel[]; readonly format: AnswerFormat }
  readonly enabled: boolean
  readonly filter?: FilterValue
  readonly idempotency?: IdempotencyValue
  readonly policy: Policy
  /** Takes dead letters of other systems into the store. */
  readonly adopts?: true
  /** Set where the channel takes requests; what `policy` says of batches and retries means nothing then. */
  readonly requests?: RequestPolicy
}

export type Validation =
  | { readonly ok: true; readonly config: ResolvedConfig }
  | { readonly ok: false; readonly problems: readonly Problem[] }
