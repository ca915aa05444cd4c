/** Telling the broker of verdicts, each in the way that keeps what travels with its record. */
import type { Settlement, Unsettled } from '../../core/contract.ts'
import { MillraceError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { againMessage, travellingOf } from './again.ts'
import { type OpenVerdict, openVerdicts, type Step, stepOf } from './claims.ts'
import { type Deferral, type Delays, defer } from './delays.ts'
import { isForGood, isTooLarge } from './failure.ts'
import type { Message } from './message.ts'
import type { Outcome, Publisher } from './publisher.ts'
import type { Place } from './record.ts'
import type { Session } from './session.ts'

export interface SettlingTools {
  readonly log: Log
  readonly place: Place
  readonly publisher: Publisher
  readonly delays: Delays
  /** There can be no delay queues, or this user may not write to them. */
  readonly onCannotDefer: () => void
}

/** For {@link Source.settle}. */
export const settle = async (
  tools: SettlingTools,
  settlements: readonly Settlement[],
): Promise<readonly Unsettled[]> => {
  const { place, publisher, delays } = tools
  const steps = Map.groupBy(openVerdicts(settlements), ({ claim, settlement }) => stepOf(settlement, claim.carried))
  const of = (step: Step): readonly OpenVerdict[] => steps.get(step) ?? []
  const unsettled = await Promise.all([
    tellBroker({ finished: of('ack'), returned: of('nack') }),
    tellAfter(tools, of('again'), verdicts => publisher.publish(verdicts.map(each => messageFor(place, each)))),
    tellAfter(tools, of('defer'), verdicts => defer(delays, verdicts.map(deferralOf))),
  ])
  return unsettled.flat()
}

/**
 * Verdicts whose records are acknowledged once they are safe elsewhere. One whose record can never be published again is
 * given back as it came, or it would be tried for ever; the others are open again.
 */
const tellAfter = async (
  tools: SettlingTools,
  verdicts: readonly OpenVerdict[],
  publish: (verdicts: readonly OpenVerdict[]) => Promise<readonly Outcome[]>,
): Promise<readonly Unsettled[]> => {
  if (verdicts.length === 0) return []
  const outcomes = await publish(verdicts)
  const finished = verdicts.filter((_, index) => outcomes[index] === null)
  const returned: OpenVerdict[] = []
  const unsettled: Unsettled[] = []
  for (const [index, verdict] of verdicts.entries()) {
    const error = outcomes[index]
    if (!error) continue
    if (isOfTheRecord(error) || isForGood(error)) {
      returned.push(verdict)
      warn(tools, verdict, error)
    } else {
      verdict.claim.state = 'open'
      const { delivery } = verdict.settlement
      unsettled.push({ delivery, error: new MillraceError('SETTLE_FAILED', error.message, { cause: error }) })
    }
  }
  await tellBroker({ finished, returned })
  return unsettled
}

/** This message cannot be, others can. */
const isOfTheRecord = (error: MillraceError): boolean => error.code === 'SEND_INVALID' || isTooLarge(error)

const warn = ({ log, place, onCannotDefer }: SettlingTools, verdict: OpenVerdict, error: MillraceError): void => {
  const { claim, settlement } = verdict
  if (settlement.outcome === 'deferred' && !isOfTheRecord(error)) onCannotDefer()
  log.warn(`${place.address}: a record cannot be published again; it goes back at once, and as it came`, {
    record: claim.record.id,
    error,
  })
}

interface Told {
  readonly finished: readonly OpenVerdict[]
  readonly returned: readonly OpenVerdict[]
}

/** Of a channel that goes meanwhile there is nothing to answer: its claims are lost. */
const tellBroker = async ({ finished, returned }: Told): Promise<readonly Unsettled[]> => {
  const sessions = new Set([...finished, ...returned].map(({ claim }) => claim.session))
  const tagsOf = (verdicts: readonly OpenVerdict[], session: Session): ReadonlySet<number> =>
    new Set(verdicts.filter(({ claim }) => claim.session === session).map(({ claim }) => claim.tag))
  await Promise.all(
    [...sessions].map(async session => {
      if (session.lost.aborted) return
      try {
        await session.settle({ finished: tagsOf(finished, session), returned: tagsOf(returned, session) })
      } catch (thrown) {
        if (!session.lost.aborted) throw thrown
      }
    }),
  )
  return []
}

const messageFor = ({ queue }: Place, { claim, settlement }: OpenVerdict): Message =>
  againMessage(queue, claim.record, travellingOf(claim, attemptsOf(settlement)))

const deferralOf = ({ claim, settlement }: OpenVerdict): Deferral => ({
  record: claim.record,
  travelling: travellingOf(claim, attemptsOf(settlement)),
  delayMs: settlement.outcome === 'deferred' ? settlement.delayMs : 0,
})

const attemptsOf = (settlement: Settlement): number => ('attempts' in settlement ? settlement.attempts : 0)
