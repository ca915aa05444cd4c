/** One invocation of a function somewhere else, as its protocols see it. */
import type { FunctionSpec, Outcome } from '../contract.ts'
import type { Answered } from './status.ts'

export interface Remote {
  readonly spec: FunctionSpec
  /** The function's time is over: nothing more is to be sent. */
  isLate(): boolean
  /** Never rejects. A request that is not answered in the function's time has failed. */
  post(headers: Readonly<Record<string, string>>, body: string): Promise<Answered>
}

export interface RemoteOutcome {
  readonly outcome: Outcome
  readonly logs: readonly string[]
}
