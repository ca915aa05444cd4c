/** What a runtime is given for an invocation. In the host: a program of any language knows no codec of ours. */
import type { ErrorInfo } from '../../contract.ts'
import { foreignBatch } from '../../event/foreign.ts'
import { ownJson } from '../../event/own-json.ts'
import type { ForeignAnswer } from '../../event/shape.ts'
import { checkedText } from '../../event/text.ts'
import type { Invocation, RefusedRecord } from '../contract.ts'

export interface Event {
  /** JSON; undefined when every record was refused: then the function is not called. */
  readonly text: string | undefined
  readonly refused: readonly RefusedRecord[]
  /** What the function answered becomes an answer of ours, or fails the whole batch. */
  readonly readAnswer: (value: unknown) => ForeignAnswer
}

/** An error where the function is not for these records. */
export const eventOf = async (
  functionName: string,
  { channel, codec, hasSchema, records, events }: Invocation,
): Promise<Event | { readonly error: ErrorInfo }> => {
  if (hasSchema) return { error: schemaMismatch(functionName, channel) }
  if (!events) return { ...ownJson(records, codec), readAnswer: asItIs }
  const { event, refused, readAnswer } = await foreignBatch({ events, codec, records }, undefined, checkedText)
  return { text: event === undefined ? undefined : JSON.stringify(event), refused, readAnswer }
}

const asItIs = (value: unknown): ForeignAnswer => ({ ok: true, value })

const schemaMismatch = (functionName: string, channel: string): ErrorInfo => ({
  name: 'FunctionMismatch',
  code: 'FUNCTION_MISMATCH',
  message:
    `functions.${functionName} does not run in Node, but ${channel} has a schema, which only functions of Node can ` +
    'apply; let the mapping read the same channel declared without a schema, and check the records in the function',
})
