/**
 * The engine of a mapping whose events nobody waits for: what a function answers goes to channels, and to the flow it
 * counts as success whatever it is.
 */
import type { Engine, Invocation, Report } from '../engine/contract.ts'
import { errorInfo } from '../errors.ts'
import type { Log } from '../log.ts'

/** Resolves when every channel has confirmed. */
export type DeliverAnswer = (invocation: Invocation, report: Report, value: unknown) => Promise<void>

/**
 * An answer that no channel takes is not lost: the event counts as not tried, comes again after a moment free of
 * charge, and its function runs again.
 */
export const answering = (engine: Engine, deliver: DeliverAnswer, log: Log): Engine => ({
  ...engine,
  async acquire(functionName, mapping, signal) {
    const slot = await engine.acquire(functionName, mapping, signal)
    if (!slot) return undefined
    return {
      release: slot.release,
      async invoke(invocation) {
        const report = await slot.invoke(invocation)
        const { outcome } = report
        if (outcome.kind !== 'answered' || outcome.refused.length > 0) return report
        const answer = (value: unknown): Report => ({ ...report, outcome: { ...outcome, value } })
        try {
          await deliver(invocation, report, outcome.value ?? null)
          return answer(undefined)
        } catch (error) {
          log.warn(`the answer of functions.${functionName} was not taken by onSuccess: ${errorInfo(error).message}`)
          return answer({
            batchItemFailures: invocation.records.map(({ record }) => ({ itemIdentifier: record.id, untried: true })),
          })
        }
      },
    }
  },
})
