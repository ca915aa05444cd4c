/**
 * What a handler of one record is told. Classes, because a literal with a getter has a hidden class of its own each time,
 * and a signal for each record that nobody asks for would cost more than all the rest.
 */
import type { Granted } from '../idempotency/batch.ts'
import type { IdempotencyContext } from '../idempotency/idempotent.ts'
import type { FunctionContext } from './context.ts'

/** The signal of the invocation, and of the claim where there is one to lose. */
const signalOf = (signal: AbortSignal, granted: Granted): AbortSignal =>
  granted.signal ? AbortSignal.any([signal, granted.signal()]) : signal

export class GrantedContext implements IdempotencyContext {
  readonly idempotencyKey: string
  readonly fence: number
  readonly #of: Pick<FunctionContext, 'signal'>
  readonly #granted: Granted

  constructor(of: Pick<FunctionContext, 'signal'>, granted: Granted) {
    this.idempotencyKey = granted.key
    this.fence = granted.fence
    this.#of = of
    this.#granted = granted
  }

  get signal(): AbortSignal {
    return signalOf(this.#of.signal, this.#granted)
  }
}

/** The invocation's own, with what is known of one of its records. */
export class RecordContext implements FunctionContext {
  readonly functionName: string
  readonly functionVersion: string
  readonly memoryLimitInMB: string
  readonly awsRequestId: string
  readonly logGroupName: string
  readonly logStreamName: string
  readonly invokedFunctionArn: string
  callbackWaitsForEmptyEventLoop: boolean
  readonly getRemainingTimeInMillis: FunctionContext['getRemainingTimeInMillis']
  readonly mapping: string
  readonly order: FunctionContext['order']
  readonly deadline: number
  readonly log: FunctionContext['log']
  readonly send: FunctionContext['send']
  readonly idempotencyKey: string
  readonly fence: number
  readonly #signal: AbortSignal
  readonly #granted: Granted

  constructor(of: FunctionContext, granted: Granted) {
    this.functionName = of.functionName
    this.functionVersion = of.functionVersion
    this.memoryLimitInMB = of.memoryLimitInMB
    this.awsRequestId = of.awsRequestId
    this.logGroupName = of.logGroupName
    this.logStreamName = of.logStreamName
    this.invokedFunctionArn = of.invokedFunctionArn
    this.callbackWaitsForEmptyEventLoop = of.callbackWaitsForEmptyEventLoop
    this.getRemainingTimeInMillis = of.getRemainingTimeInMillis
    this.mapping = of.mapping
    this.order = of.order
    this.deadline = of.deadline
    this.log = of.log
    this.send = of.send
    this.idempotencyKey = granted.key
    this.fence = granted.fence
    this.#signal = of.signal
    this.#granted = granted
  }

  get signal(): AbortSignal {
    return signalOf(this.#signal, this.#granted)
  }
}
