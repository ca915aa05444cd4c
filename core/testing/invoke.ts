/** One function, one batch: what became of each record, without an app. */
import { systemClock } from '../clock.ts'
import type { Channel, InputOf } from '../config/channel.ts'
import { codecName } from '../config/channel-book.ts'
import { foreignEventsOf } from '../config/foreign-events.ts'
import { fromHandler, functionSpec } from '../config/function-options.ts'
import type { ErrorInfo, OutgoingRecord } from '../contract.ts'
import type { EventFormat, FunctionSpec, InvokedRecord, Outcome, RefusedRecord } from '../engine/contract.ts'
import { createEngine } from '../engine/engine.ts'
import { MillraceError } from '../errors.ts'
import { encodeRecords } from '../event/encode.ts'
import { type NamedFailure, readAnswer } from '../flow/answer.ts'
import type { SendRecord } from '../function/context.ts'
import { memoryIdempotency } from '../idempotency/memory-store.ts'
import { type Log, silentLog } from '../log.ts'

export interface InvokeResult {
  /** Ids, in the order given. */
  readonly accepted: readonly string[]
  readonly failed: readonly NamedFailure[]
  /** Bodies that the codec or schema did not take; the function never saw them. */
  readonly refused: readonly RefusedRecord[]
  /** What the function threw, or what was wrong with its answer: the whole batch failed. */
  readonly error: ErrorInfo | undefined
  /** What the function sent, in order. */
  readonly sent: readonly { readonly channel: string; readonly records: readonly OutgoingRecord[] }[]
}

export interface InvokeOptions {
  /** What `attempt` each record says. Default: 1. */
  readonly attempt?: number
  /** In which form the function gets the records. Default: 'millrace'. */
  readonly format?: EventFormat
  /** Default: 'none'. */
  readonly order?: 'lane' | 'key' | 'none'
  /** Milliseconds. Default: 30,000. */
  readonly timeoutMs?: number
  /** Default: silent. */
  readonly log?: Log
}

/** A record for {@link invoke}: `data` through the channel's codec, or `body`, bytes as they are, to test what a broker may bring. */
export type GivenRecord<Data> =
  | SendRecord<Data>
  | (Omit<SendRecord<Data>, 'data'> & { readonly body: Uint8Array | null })

/**
 * Runs a handler on records of a channel, as an environment would: encoded, decoded, checked by the schema. Ids are
 * `1`, `2`, … where none is given. Rejects with SEND_INVALID when `data` does not fit the channel, and with
 * FUNCTION_MISMATCH when the handler is not written for it.
 */
export const invoke = async <Target extends Channel>(
  handler: unknown,
  channel: Target,
  records: readonly GivenRecord<InputOf<Target>>[],
  options: InvokeOptions = {},
): Promise<InvokeResult> => {
  const sent: { channel: string; records: readonly OutgoingRecord[] }[] = []
  const keys = memoryIdempotency()
  const engine = createEngine([specOf(handler, options)], {
    clock: systemClock,
    log: options.log ?? silentLog,
    host: {
      send: async (address, outgoing) => void sent.push({ channel: address, records: outgoing }),
      keys: () => keys,
    },
    app: 'test',
    maxEnvironments: 1,
  })
  try {
    const invoked = await Promise.all(
      records.map((record, index) => invokedRecord(channel, record, index, options.attempt ?? 1)),
    )
    const events = foreignEventsOf({ channel, format: options.format ?? 'millrace' }, {})
    const signal = new AbortController().signal
    const slot = await engine.acquire('function', 'test', signal)
    const report = await slot?.invoke({
      requestId: 'test',
      mapping: 'test',
      channel: channel.address,
      codec: codecName(channel),
      hasSchema: channel.schema !== undefined,
      ...(events ? { events } : {}),
      order: options.order ?? 'none',
      records: invoked,
      signal,
    })
    return {
      ...resultOf(
        report?.outcome,
        invoked.map(({ record }) => record.id),
      ),
      sent,
    }
  } finally {
    await engine.close(0)
  }
}

const specOf = (handler: unknown, { timeoutMs }: InvokeOptions): FunctionSpec => ({
  ...functionSpec(fromHandler('function', handler)),
  ...(timeoutMs === undefined ? {} : { timeoutMs }),
})

const invokedRecord = async <Data>(
  channel: Channel,
  given: GivenRecord<Data>,
  index: number,
  attempt: number,
): Promise<InvokedRecord> => {
  const outgoing =
    'body' in given
      ? await withBody(channel, given)
      : (await encodeRecords(channel as Channel<unknown, Data>, [given]))[0]
  const id = given.id ?? String(index + 1)
  return {
    record: {
      id,
      idStrength: 'stable',
      source: channel.address,
      time: given.time ?? systemClock.now(),
      key: given.key ?? null,
      headers: outgoing?.headers ?? [],
      body: outgoing?.body ?? null,
    },
    attempt,
    idempotencyKey: `test/test/${channel.address}/${id}`,
    fence: index + 1,
  }
}

/** Headers and the like are checked as for `send`, with a body that fits any channel of bytes. */
const withBody = async (
  channel: Channel,
  { body, ...rest }: { readonly body: Uint8Array | null } & Omit<SendRecord, 'data'>,
): Promise<OutgoingRecord> => {
  const bytes = { ...channel, codec: 'bytes', schema: undefined } as Channel<unknown, Uint8Array>
  const [outgoing] = await encodeRecords(bytes, [{ ...rest, data: new Uint8Array() }])
  return { ...outgoing, body }
}

const resultOf = (outcome: Outcome | undefined, ids: readonly string[]): Omit<InvokeResult, 'sent'> => {
  if (!outcome || outcome.kind === 'aborted' || outcome.kind === 'throttled')
    throw new MillraceError('FUNCTION_FAILED', 'the invocation was aborted')
  if (outcome.kind === 'not-ready') throw new MillraceError('FUNCTION_MISMATCH', outcome.error.message)
  const refusedIds = new Set(outcome.refused.map(refusal => refusal.id))
  const given = ids.filter(id => !refusedIds.has(id))
  const answer = outcome.kind === 'answered' ? readAnswer(outcome.value, given) : undefined
  const error =
    outcome.kind === 'failed'
      ? outcome.error
      : answer?.ok === false
        ? { name: 'InvalidAnswer', message: answer.problem, code: 'FUNCTION_ANSWER_INVALID' }
        : undefined
  const failures = answer?.ok ? answer.failures : new Map<string, NamedFailure>()
  return {
    accepted: error ? [] : given.filter(id => !failures.has(id)),
    failed: [...failures.values()],
    refused: outcome.refused,
    error,
  }
}
