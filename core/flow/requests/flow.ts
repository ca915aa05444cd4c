/** A mapping of requests at work: everything its files share. */
import type { Delivery, EventRecord, Source } from '../../contract.ts'
import type { CodecName, ForeignEvents } from '../../engine/contract.ts'
import type { MillraceError } from '../../errors.ts'
import type { Breaker } from '../breaker.ts'
import type { Counters, Phase, Tools } from '../flow.ts'
import type { Reader } from '../outage.ts'
import type { RequestPolicy } from './policy.ts'

/** What a mapping of requests is: plain data. */
export interface RequestSpec {
  readonly app: string
  readonly name: string
  readonly functionName: string
  /** The channel's address. */
  readonly channel: string
  readonly codec: CodecName
  readonly events: ForeignEvents
  readonly policy: RequestPolicy
}

/** What is wrong with the body of a request by codec and schema; undefined for nothing. Never throws or rejects. */
export type RequestCheck = (record: EventRecord) => MillraceError | undefined | Promise<MillraceError | undefined>

export interface RequestTools extends Pick<Tools, 'clock' | 'random' | 'log' | 'engine' | 'nextFences' | 'openSource'> {
  readonly check: RequestCheck
}

/** `probe`: asked whether a function works for which the breaker is open. */
export interface Taken {
  readonly delivery: Delivery
  readonly kind: 'ordinary' | 'probe'
}

export interface RequestFlow extends Reader {
  readonly spec: RequestSpec
  readonly tools: RequestTools
  readonly counters: Counters
  /** Checked, and without an environment yet; first come, first served. */
  readonly waiting: Taken[]
  source: Source
  phase: Phase
  breaker: Breaker
  /** Taken and not settled. */
  inFlight: number
  /** Of those: in an environment. */
  running: number
  /** Whether a probe is under way. */
  probing: 'yes' | 'no'
  healthy: boolean
}
