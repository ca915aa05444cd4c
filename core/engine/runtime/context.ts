/**
 * Makes the context of an invocation: plain members, nothing that is made when it is asked for. An object literal with a
 * getter has a hidden class of its own each time, and each of those hangs on the one before: the garbage collector then
 * kept a quarter of what the requests had allocated, which cost more than the requests.
 */

import type { Clock } from '../../clock.ts'
import type { Channel } from '../../config/channel.ts'
import type { OutgoingRecord } from '../../contract.ts'
import { MillraceError } from '../../errors.ts'
import { encodeRecords } from '../../event/encode.ts'
import { arnOf } from '../../event/lambda/arn.ts'
import type { FunctionContext, SendRecord } from '../../function/context.ts'
import { OFFERED, type Offer, ofReplays } from '../../idempotency/offered.ts'
import type { Log } from '../../log.ts'
import type { Initialization } from '../environment.ts'
import type { Request } from './run.ts'

/** What an environment is, to the function that runs in it. */
export interface Place {
  readonly app: string
  readonly functionName: string
  readonly version: string
  readonly memoryMb: number
  readonly environment: string
  readonly initialization: Initialization
}

export interface ContextParts {
  readonly place: Place
  readonly request: Pick<Request, 'requestId' | 'mapping' | 'order' | 'replayed'>
  /** Milliseconds since the epoch. */
  readonly deadline: number
  readonly clock: Pick<Clock, 'now'>
  readonly signal: AbortSignal
  readonly log: Log
  readonly keys: Offer
  readonly send: (address: string, records: readonly OutgoingRecord[]) => Promise<void>
}

export const createContext = (parts: ContextParts): FunctionContext & { readonly [OFFERED]: Offer } => {
  const { place, request, deadline, clock } = parts
  return {
    functionName: place.functionName,
    functionVersion: place.version,
    memoryLimitInMB: String(place.memoryMb),
    awsRequestId: request.requestId,
    logGroupName: logGroupOf(place),
    logStreamName: place.environment,
    invokedFunctionArn: functionArn(place.functionName),
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, deadline - clock.now()),
    mapping: request.mapping,
    order: request.order,
    deadline,
    signal: parts.signal,
    log: parts.log.with({ mapping: request.mapping, requestId: request.requestId }),
    [OFFERED]: request.replayed ? ofReplays(parts.keys) : parts.keys,
    send: async <Output, Input>(channel: Channel<Output, Input>, records: readonly SendRecord<Input>[]) => {
      const encoded = await encodeRecords(channel, records)
      if (encoded.length > 0) await parts.send(channel.address, encoded)
    },
  }
}

export const functionArn = (functionName: string): string => arnOf('lambda', `function:${functionName}`)

export const logGroupOf = (place: Pick<Place, 'app' | 'functionName'>): string =>
  `/millrace/${place.app}/${place.functionName}`

/** What `context.send` rejects with after its invocation has ended: a promise that nobody awaited. */
export const invocationOver = (functionName: string): MillraceError =>
  new MillraceError(
    'SEND_FAILED',
    `functions.${functionName}: context.send was called after its invocation was over; nothing was sent. Await what the handler starts before it returns`,
  )
