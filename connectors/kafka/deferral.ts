/** Deferring: a copy is confirmed in a retry topic before the record counts as finished in its own partition. */
import type { Kafka } from 'kafkajs'
import type { Clock } from '../../core/clock.ts'
import type { Settlement, Sink, Unsettled } from '../../core/contract.ts'
import { errorInfo, type MillraceError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import type { Compression } from './compression.ts'
import { deferredRecord } from './deferred.ts'
import { isNamed } from './failure.ts'
import { claimOf } from './lane.ts'
import { type RetryTopic, stepFor } from './retry-topics.ts'
import { createSink } from './sink.ts'

export type Deferral = Extract<Settlement, { readonly outcome: 'deferred' }>

export interface Deferrals {
  /**
   * Sends copies of the records. Answers with the verdicts that may be applied now: `deferred` for what is confirmed,
   * `released` for what no retry topic takes because of its size; and with what is to be tried again.
   */
  send(deferrals: readonly Deferral[]): Promise<{
    readonly verdicts: readonly Settlement[]
    readonly unsettled: readonly Unsettled[]
  }>
  close(): Promise<void>
}

export interface DeferralTools {
  readonly clock: Clock
  readonly log: Log
  readonly kafka: Kafka
  readonly address: string
  readonly compression: Compression
  readonly steps: readonly RetryTopic[]
}

export const createDeferrals = (tools: DeferralTools): Deferrals => {
  const { clock, log, kafka, address, compression, steps } = tools
  const sinks = new Map<string, Sink>()
  const sinkOf = (topic: string): Sink => {
    const sink = sinks.get(topic) ?? createSink(kafka, { topic, address: `${address} (${topic})`, compression })
    sinks.set(topic, sink)
    return sink
  }
  const sendTo = async (
    { topic, stepMs }: RetryTopic,
    deferrals: readonly Deferral[],
  ): Promise<readonly (readonly [Deferral, null | MillraceError])[]> => {
    const dueAt = clock.now() + stepMs
    const outcomes = await sinkOf(topic).send(
      deferrals.map(({ delivery: { record, firstSeen }, attempts }) =>
        deferredRecord(record, { attempts, firstSeen, dueAt }),
      ),
    )
    return deferrals.map((deferral, index) => [deferral, outcomes[index] ?? null])
  }
  const verdictOn = (deferral: Deferral, error: MillraceError): Settlement | undefined => {
    if (!isNamed(error, 'MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE')) return undefined
    const { delivery, attempts } = deferral
    log.warn('a record is too large for its retry topic, and is tried again at once; raise max.message.bytes there', {
      record: delivery.record.id,
      error: errorInfo(error),
    })
    return { delivery, outcome: 'released', attempts }
  }
  return {
    async send(deferrals) {
      // A claim that was lost is somebody else's; one that is finished was sent before, and only its commit is missing.
      const open = deferrals.filter(({ delivery }) => claimOf(delivery)?.state === 'open')
      const byStep = Map.groupBy(open, ({ delayMs }) => stepFor(steps, delayMs))
      const sent = await Promise.all([...byStep].map(([step, group]) => (step ? sendTo(step, group) : [])))
      const verdicts: Settlement[] = []
      const unsettled: Unsettled[] = []
      for (const [deferral, error] of sent.flat()) {
        const verdict = error ? verdictOn(deferral, error) : deferral
        if (verdict) verdicts.push(verdict)
        else if (error) unsettled.push({ delivery: deferral.delivery, error })
      }
      return { verdicts, unsettled }
    },
    async close() {
      await Promise.all([...sinks.values()].map(sink => sink.close()))
    },
  }
}
