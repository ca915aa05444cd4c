/** What a runtime is given for an invocation. In the host: a program of any language knows no codec of ours. */
import type { ErrorInfo } from '../../contract.ts'
import { errorInfo } from '../../errors.ts'
import { foreignBatch } from '../../event/foreign.ts'
import { ownJson } from '../../event/own-json.ts'
import type { ForeignAnswer } from '../../event/shape.ts'
import { checkedText } from '../../event/text.ts'
import type { Invocation, Outcome, RefusedRecord } from '../contract.ts'

export interface Event {
  /** JSON; undefined when every record was refused: then the function is not called. */
  readonly text: string | undefined
  readonly refused: readonly RefusedRecord[]
  /** What the function answered becomes an answer of ours, or fails the whole batch. */
  readonly readAnswer: (value: unknown) => ForeignAnswer
}

type NoEvent = Extract<Outcome, { kind: 'not-ready' | 'failed' }>

/** What the invocation comes to without the function, where there is no event to give it. */
export const eventOf = async (
  functionName: string,
  { channel, codec, hasSchema, records, events }: Invocation,
): Promise<Event | NoEvent> => {
  if (hasSchema) return { kind: 'not-ready', error: schemaMismatch(functionName, channel) }
  if (!events) return { ...ownJson(records, codec), readAnswer: asItIs }
  const { event, refused, readAnswer } = await foreignBatch({ events, codec, records }, undefined, checkedText)
  try {
    return { text: event === undefined ? undefined : JSON.stringify(event), refused, readAnswer }
  } catch (thrown) {
    // A body of JSON that is nested too deeply: alone it will be parked.
    const why = errorInfo(thrown).message
    const message = `the event cannot be written as JSON: ${why}`
    return { kind: 'failed', error: { name: 'FunctionFailed', code: 'FUNCTION_FAILED', message }, refused }
  }
}

const asItIs = (value: unknown): ForeignAnswer => ({ ok: true, value })

const schemaMismatch = (functionName: string, channel: string): ErrorInfo => ({
  name: 'FunctionMismatch',
  code: 'FUNCTION_MISMATCH',
  message:
    `functions.${functionName} does not run in Node, but ${channel} has a schema, which only functions of Node can ` +
    'apply; let the mapping read the same channel declared without a schema, and check the records in the function',
})
