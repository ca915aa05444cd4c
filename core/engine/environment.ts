/**
 * One place in which a function runs: initialised once, invoked many times, one request at a time. Every isolation is
 * one implementation of this; the pool knows nothing else of it.
 */
import type { Clock } from '../clock.ts'
import type { ErrorInfo } from '../contract.ts'
import type { Log } from '../log.ts'
import type { ColdStart, FunctionSpec, Host, Invocation, Outcome, Version } from './contract.ts'

export interface Environment {
  readonly id: string
  /**
   * Resolves with undefined once the function is ready, or with why it is not; then the environment is over. Once. `first` is
   * what it is started for, and what `invoke` is given then: it may be on its way meanwhile, and begin when Init has ended.
   */
  init(first?: Invocation): Promise<ErrorInfo | undefined>
  /** What `init` consisted of, where that is known. */
  coldStart?(): ColdStart | undefined
  /** After a good `init` of a function with `snapshot`: its `afterRestore`. Answers as `init` does. Once. */
  restore?(): Promise<ErrorInfo | undefined>
  /** After a good `init`, and never while another invocation runs, but for {@link takesNext}. Never rejects. */
  invoke(invocation: Invocation): Promise<Invoked>
  /** True when it may be given another request while one runs: that begins when the one before has ended, no sooner. */
  takesNext(): boolean
  /** False once it can take no other invocation. */
  usable(): boolean
  /** Called once, when an environment that nobody uses has ended by itself. */
  onGone(run: () => void): void
  /** Lets the function shut down for at most `graceMs`, then ends it. What runs meanwhile is reported as aborted. */
  close(graceMs: number): Promise<void>
}

/** What an isolation promises of each of these, and what is true instead where it does not. */
export type Enforces = Readonly<Record<Guarantee, Promised>>

export type Guarantee = 'timeout' | 'memory' | 'crash' | 'variables' | 'output' | 'leftovers'

export interface Promised {
  /** `mostly`: where it does not hold, `how` says so. */
  readonly held: 'always' | 'mostly' | 'no'
  readonly how: string
}

export interface Invoked {
  readonly outcome: Outcome
  readonly durationMs: number
  /** Of that, what it took in the environment, where that is not the same and is known. */
  readonly tookMs?: number | undefined
  readonly logs: readonly string[]
  readonly maxMemoryMb: number | undefined
  /** False: no code of the user saw the request, so it may be given to another environment. */
  readonly begun: boolean
  /** It never will see it here, because the request before it takes longer than was thought. */
  readonly recalled?: boolean
}

/** What every environment is made of. */
export interface EnvironmentParts {
  readonly spec: FunctionSpec
  readonly version: Version
  readonly app: string
  readonly id: string
  readonly initialization: Initialization
  readonly clock: Clock
  readonly log: Log
  readonly host: Host
}

/** How the environment came to be, in the words that AWS_LAMBDA_INITIALIZATION_TYPE has for it. */
export type Initialization = 'on-demand' | 'provisioned-concurrency' | 'snap-start'

export type CreateEnvironment = (parts: EnvironmentParts) => Environment
