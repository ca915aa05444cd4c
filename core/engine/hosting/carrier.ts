/** What carries an environment, as the host holds it: a process or a thread. */
import type { Clock } from '../../clock.ts'
import type { ErrorInfo } from '../../contract.ts'
import type { Log } from '../../log.ts'
import type { FunctionSpec } from '../contract.ts'
import type { Place } from '../runtime/context.ts'
import type { Message } from '../wire/message.ts'
import type { Output } from './output.ts'

export interface Carrier {
  /** Started for this environment, or blank before. */
  readonly from: 'new' | 'zygote'
  send(kind: number, id: number, header: string, bodies?: readonly Uint8Array[]): void
  /** `only`: it is the only one that the environment has, and few others have any. */
  request(id: number, how: 'only' | 'among others', header: string, bodies: readonly Uint8Array[]): void
  /** At once, whatever it is doing, and everything it started. May be called again. */
  kill(): void
  /** Resolves when it is gone and what it had said was read. */
  readonly ended: Promise<Exit>
  /** The last request of which user code has seen something; 0 for none. */
  begun(): number
  /** Requests up to this one that have not begun never will; answers as {@link begun} does, of the moment after. */
  recall(upTo: number): number
  /** It was blank before, and no code of the user was loaded: whatever ended it, another one can take its place. */
  untouched(): boolean
  /** MB it has for itself; undefined where that cannot be told. */
  memoryMb(): number | undefined
  /** It has ended, and nothing is asked of it any more. */
  forget(): void
}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** Set when it could not be started or spoke nonsense. */
  readonly problem: string | undefined
  /** Something of it was ended for its memory: by the kernel, or by V8, whose heap was full. */
  readonly outOfMemory?: 'kernel' | 'heap'
  /** The error that ended it, where the carrier was told. */
  readonly uncaught?: ErrorInfo
}

export interface CarrierParts {
  readonly spec: FunctionSpec
  readonly place: Place
  readonly clock: Clock
  readonly log: Log
  readonly output: Output
  readonly onMessage: (message: Message) => void
}

/** One kind of carrier. */
export interface CarrierKind {
  /** What a report says of a request whose timeout has passed. */
  readonly killed: string
  /** What a kill does not end within this is reported and replaced all the same. */
  readonly killWaitMs: number
  /** Whether a request may be sent behind Init. Not where something has to be set between the two. */
  sendsAhead(): boolean
  /** Throws what the system throws when it has no room for another one. */
  start(parts: CarrierParts): Carrier
}
