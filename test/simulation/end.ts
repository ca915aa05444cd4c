/** What must be true of every record when all has ended. */
import { DISTURBING } from './faults.ts'
import { fateOf } from './filters.ts'
import type { Account } from './ledger.ts'
import type { Parts } from './process.ts'
import type { Scenario } from './scenario.ts'

export const checkEnd = ({ world: { ledger, scenario }, store }: Parts): void => {
  for (const account of ledger.accounts.values()) {
    const { planned, settledAs, parkedAs, processed, disturbed } = account
    if (settledAs === undefined) ledger.violate(`${planned.id} has not ended`)
    const fate = fateOf(scenario, planned)
    if (fate === 'filtered' && settledAs !== 'accepted')
      ledger.violate(`${planned.id} is filtered and was ${settledAs}`)
    if (fate === 'unreadable' && settledAs !== 'rejected')
      ledger.violate(`${planned.id} cannot be read and was ${settledAs}`)
    if (fate !== 'filtered' && settledAs === 'accepted' && processed === 0)
      ledger.violate(`${planned.id} was accepted unprocessed`)
    if (settledAs === 'accepted' && parkedAs) ledger.violate(`${planned.id} was accepted and is a dead letter too`)
    if (settledAs === 'rejected' && !parkedAs) ledger.violate(`${planned.id} was rejected and is no dead letter`)
    if (processed > 1 && disturbed === 'no' && isQuiet(scenario))
      ledger.violate(`${planned.id} was processed ${processed} times without a fault`)
    const reason = reasonProblem(account, scenario)
    if (parkedAs && reason) ledger.violate(`${planned.id} was parked as ${parkedAs}: ${reason}`)
    const attempts = store.letters.get(planned.id)?.attempts.length ?? 0
    if (fate === 'unreadable' && attempts > 0) ledger.violate(`${planned.id} was charged and never tried`)
    if (attempts > scenario.policy.maxAttempts) ledger.violate(`${planned.id} was charged ${attempts} attempts`)
  }
}

/** Nothing happened in it that may have a record processed twice. */
const isQuiet = ({ faults, behindFailure, policy }: Scenario): boolean =>
  behindFailure === 'stops' && policy.drainTimeoutMs > 10_000 && !faults.some(({ kind }) => DISTURBING.has(kind))

const reasonProblem = (
  { parkedAs, planned, chargeableMost, failedProbes }: Account,
  scenario: Scenario,
): string | undefined => {
  const { policy, faults } = scenario
  const { nature } = planned
  const { maxAttempts } = policy
  if (fateOf(scenario, planned) === 'unreadable') return parkedAs === 'undecodable' ? undefined : 'it cannot be read'
  switch (parkedAs) {
    case 'crashed':
      return nature.kind === 'kills' || faults.some(({ kind }) => kind === 'crash') ? undefined : 'it kills nothing'
    case 'exhausted':
      return chargeableMost >= maxAttempts || (policy.order !== 'none' && failedProbes >= maxAttempts)
        ? undefined
        : `it failed ${chargeableMost} times by itself, ${failedProbes} as a probe`
    case 'not-retryable':
      return nature.kind === 'never' ? undefined : 'it may be retried'
    case 'undecodable':
      return nature.kind === 'refused' ? undefined : 'it can be decoded'
    case 'starved':
      return failedProbes > 0 && nature.kind !== 'fine' ? undefined : 'it was not tried for free for long'
    case 'expired':
      return policy.maxAgeMs === undefined ? 'there is no maxAge' : undefined
    default:
      return parkedAs === undefined ? undefined : 'nothing can have come to that'
  }
}
