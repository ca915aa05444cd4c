/** What a user writes in millrace.config.ts, typed so that a slip of the fingers does not compile. */
import type { appOptions } from './app-options.ts'
import type { Channel, Door, Reading, RequestChannel } from './channel.ts'
import type { FunctionWritten } from './function-options.ts'
import type { PolicyWritten } from './mapping-options.ts'
import type { Written } from './option.ts'
import type { RequestPolicyWritten } from './request-options.ts'

/** A function passed as a value, which then runs inside the app. */
export type Handler = (...given: never[]) => unknown

interface Runs<FunctionName extends string> {
  /** The name of one of `functions`, or a handler, which then runs inside the app. */
  readonly function: FunctionName | Handler
}

/** A mapping of records: what is read, what runs, and how. */
export interface MappingConfig<FunctionName extends string = string> extends PolicyWritten, Runs<FunctionName> {
  /** The channel to read; `channel.read({ group, start })` says how. */
  readonly source: Channel | Reading
  /** Where dead letters are sent too, once they are stored. */
  readonly deadLetters?: { readonly to?: Channel | readonly Channel[]; readonly format?: 'record' | 'envelope' }
}

/** A mapping of requests: whoever asked waits for what the function answers. */
export interface RequestMapping<FunctionName extends string = string> extends RequestPolicyWritten, Runs<FunctionName> {
  readonly source: RequestChannel
}

/** A whole configuration. */
export interface Config<FunctionName extends string = string>
  extends Pick<
    Written<typeof appOptions>,
    | 'stateDir'
    | 'maxInFlightBytes'
    | 'maxEnvironments'
    | 'cpuShares'
    | 'zygotes'
    | 'invoke'
    | 'idempotency'
    | 'state'
    | 'deadLetters'
  > {
  /** In consumer groups, idempotency keys and metrics. Changing it starts new groups. */
  readonly name: string
  /** Options for all mappings; a mapping may still say otherwise. */
  readonly defaults?: PolicyWritten
  /** By name: the path of a module that exports `handler`, or an object of options. */
  readonly functions?: Readonly<Record<FunctionName, string | FunctionWritten>>
  readonly mappings: Readonly<
    Record<string, MappingConfig<NoInfer<FunctionName>> | RequestMapping<NoInfer<FunctionName>>>
  >
  /** Channels that are only sent to. */
  readonly channels?: readonly Channel[]
  /** Ways in: what comes over them is sent to the channel behind them. */
  readonly doors?: readonly Door[]
}

/**
 * Gives a configuration back as it is, checked by the compiler: names of functions, options, durations and sizes.
 * What only a run can tell is checked when the app is created.
 */
export const defineConfig = <FunctionName extends string = never>(config: Config<FunctionName>): Config<FunctionName> =>
  config
