/** Sees every invocation begin and end, and says what must not have happened then. */
import type { InvokedRecord } from '../../core/engine/contract.ts'
import { SUSPECT_DELIVERIES } from '../../core/flow/admit.ts'
import { delayMs, MIN_FREE_DELAY_MS } from '../../core/flow/retry.ts'
import { DISTURBING } from './faults.ts'
import { fateOf } from './filters.ts'
import { type Doing, THROTTLED_MS } from './function.ts'
import { type Account, hasEnded, scopeOf } from './ledger.ts'
import type { Host, World } from './world.ts'

export interface Run {
  readonly host: Host
  readonly accounts: readonly Account[]
  readonly attempts: readonly number[]
  readonly losses: readonly number[]
  readonly kind: 'probe' | 'ordinary'
}

export interface Witness {
  begin(host: Host, records: readonly InvokedRecord[], breaker: 'open' | 'closed'): Run
  end(run: Run, doing: Doing): void
  /** The process ended: what it ran never came to anything. */
  crashed(host: Host): void
  parked(account: Account): void
  /** Scopes that stopped behind a dead letter go on. */
  resumed(): void
}

/** How long the store may take for all that a batch has it write down. */
const BEING_WRITTEN_MS = 5_000

/** Invocations of one record within a virtual second; splitting a batch of thirty, again and again, needs some. */
const MOST_IN_A_SECOND = 40

/**
 * A suspect whose claim is lost while it runs comes again with the charge that was made beforehand, which is taken back
 * only when the run has ended; and a process may end between that charge and the run. One too many for each loss.
 */
const phantoms = ({ scenario: { faults } }: World, { losses }: Account): number =>
  losses >= SUSPECT_DELIVERIES && faults.some(({ kind }) => DISTURBING.has(kind)) ? losses : 0

/** Charges of a lost claim are kept in the store, if that was there to take them; those of a replay are not. */
const keepsCharges = ({ scenario: { faults, source } }: World, { losses, disturbed }: Account): boolean =>
  losses === 0 || (disturbed === 'no' && source === 'stream' && !faults.some(({ kind }) => kind.startsWith('store')))

/** Nothing was learned about any record, and all wait. */
const isUnlearned = ({ kind }: Doing['outcome']): boolean => kind === 'not-ready' || kind === 'throttled'

/** Others were parked for what an invocation came to, in which records may be charged together. */
const isParkedAtItsTurn = ({ parkedAs }: Account): boolean =>
  parkedAs === 'expired' || parkedAs === 'crashed' || parkedAs === 'starved'

const freeUntil = ({ freeWait, losses }: Account): number => (freeWait?.losses === losses ? freeWait.untilMs : 0)

const letGo = (account: Account): void => {
  account.notBefore = 0
  account.freeWait = undefined
}

export const createWitness = (world: World): Witness => {
  const { ledger, scenario } = world
  const running = new Map<Host, Set<Run>>()
  const stopped = new Set<string>()
  const failedProbeAt = new Map<Host, number>()
  const runsOf = (host: Host): Set<Run> => running.get(host) ?? running.set(host, new Set()).get(host) ?? new Set()

  const checkProbe = (host: Host, run: Run): void => {
    const last = failedProbeAt.get(host)
    if (run.kind === 'ordinary') failedProbeAt.delete(host)
    else if (run.accounts.length > 1) ledger.violate('a probe of an open breaker had more than one record')
    else if (last !== undefined && world.nowMs() < last + scenario.policy.breaker.initialMs - 1)
      ledger.violate(`probed again ${world.nowMs() - last} ms after a failed probe`)
  }
  const checkTurn = (host: Host, run: Run, account: Account, index: number): void => {
    const { planned } = account
    for (const other of runsOf(host))
      if (other.accounts.includes(account)) ledger.violate(`${planned.id} is invoked twice at once`)
    const scope = scopeOf(scenario, planned)
    if (scope !== undefined && stopped.has(scope))
      ledger.violate(`${planned.id} is invoked though ${scope} stopped behind a dead letter`)
    for (const earlier of ledger.before(planned)) {
      const sameBatch = run.accounts.indexOf(earlier)
      if (sameBatch >= 0 ? sameBatch > index : !hasEnded(earlier))
        ledger.violate(`${planned.id} is invoked before ${earlier.planned.id} has ended`)
    }
  }
  const checkRecord = (run: Run, account: Account, index: number): void => {
    const { planned, chargeableLeast, chargeableMost } = account
    const attempt = run.attempts[index] ?? 0
    const now = world.nowMs()
    const fate = fateOf(scenario, planned)
    if (fate !== 'matches') ledger.violate(`${planned.id} is invoked though it is ${fate}`)
    if (account.settledAs) ledger.violate(`${planned.id} is invoked after it was ${account.settledAs}`)
    if (account.parkedAs && account.losses === 0) ledger.violate(`${planned.id} is invoked after it was parked`)
    if (attempt < 1 || attempt > scenario.policy.maxAttempts) ledger.violate(`${planned.id} is at attempt ${attempt}`)
    if (attempt - 1 > chargeableMost + phantoms(world, account))
      ledger.violate(`${planned.id} was charged ${attempt - 1} times, failed ${chargeableMost} times by itself`)
    if (attempt - 1 < chargeableLeast && keepsCharges(world, account))
      ledger.violate(`${planned.id} was charged ${attempt - 1} times, failed ${chargeableLeast} times by itself`)
    const dueMs = Math.max(account.notBefore, freeUntil(account))
    if (run.kind === 'ordinary' && now < dueMs)
      ledger.violate(`${planned.id} is invoked ${dueMs - now} ms before its delay has passed`)
    account.begun.push(now)
    if (account.begun.filter(at => at > now - 1_000).length > MOST_IN_A_SECOND)
      ledger.violate(`${planned.id} is invoked hot: ${account.begun.slice(-MOST_IN_A_SECOND).join(' ')}`)
  }

  const blame = (run: Run, account: Account, index: number, retryAfterMs: number | undefined): void => {
    const isOurs = run.losses[index] === account.losses
    account.chargeableMost += 1
    if (run.kind === 'probe') account.failedProbes += 1
    else if (isOurs) {
      const { backoff } = scenario.policy
      const tried = { tries: run.attempts[index] ?? 1, charge: 'charged', retryAfterMs } as const
      account.chargeableLeast += 1
      account.notBefore = world.nowMs() + delayMs(tried, backoff, 0)
    }
  }

  const waitFree = (run: Run, account: Account, waitMs: number): void => {
    const { losses } = account
    if (run.kind === 'ordinary' && run.losses[run.accounts.indexOf(account)] === losses)
      account.freeWait = { untilMs: world.nowMs() + waitMs, losses }
  }

  return {
    begin(host, records, breaker) {
      const accounts = records.map(({ record }) => ledger.account(record.id))
      const run: Run = {
        host,
        accounts,
        attempts: records.map(({ attempt }) => attempt),
        losses: accounts.map(({ losses }) => losses),
        kind: breaker === 'open' ? 'probe' : 'ordinary',
      }
      ledger.note(`${host.name} invokes ${records.map(({ record, attempt }) => `${record.id}#${attempt}`).join(' ')}`)
      if (accounts.length > scenario.policy.batchSize) ledger.violate(`a batch has ${accounts.length} records`)
      checkProbe(host, run)
      // What shares a key with a probe may go on when that succeeded, whatever it was to wait itself.
      if (run.kind === 'probe')
        for (const account of accounts) for (const each of [account, ...ledger.besides(account.planned)]) letGo(each)
      for (const [index, account] of accounts.entries()) {
        checkTurn(host, run, account, index)
        checkRecord(run, account, index)
      }
      runsOf(host).add(run)
      for (const account of accounts) account.running += 1
      return run
    },
    end(run, { outcome, processed, blamed, untried, retryAfterMs }) {
      runsOf(run.host).delete(run)
      for (const account of run.accounts) {
        account.running -= 1
        account.ranUntil = world.nowMs()
      }
      ledger.note(`${outcome.kind} blames ${blamed.map(({ planned }) => planned.id).join(' ')}`)
      for (const account of processed) account.processed += 1
      for (const account of blamed) blame(run, account, run.accounts.indexOf(account), retryAfterMs.get(account))
      for (const account of untried) waitFree(run, account, MIN_FREE_DELAY_MS)
      if (run.kind === 'probe' && (blamed.length > 0 || isUnlearned(outcome)))
        failedProbeAt.set(run.host, world.nowMs())
      if (isUnlearned(outcome))
        for (const account of run.accounts)
          waitFree(run, account, outcome.kind === 'throttled' ? THROTTLED_MS : MIN_FREE_DELAY_MS)
    },
    crashed(host) {
      // What was being written down is forgotten; that is a retry too early, never one too many.
      for (const account of ledger.accounts.values())
        if (account.ranUntil > world.nowMs() - BEING_WRITTEN_MS) account.notBefore = 0
      for (const { accounts } of runsOf(host))
        for (const each of accounts) {
          each.running -= 1
          if (accounts.length === 1) each.chargeableMost += 1
        }
      running.delete(host)
    },
    parked(account) {
      const { planned } = account
      const fate = fateOf(scenario, planned)
      if (fate === 'filtered') ledger.violate(`${planned.id} was parked though it is filtered`)
      if ((fate === 'unreadable' || isParkedAtItsTurn(account)) && !ledger.before(planned).every(hasEnded))
        ledger.violate(`${planned.id} was parked as ${account.parkedAs} before its turn`)
      const scope = scopeOf(scenario, planned)
      if (scope !== undefined && scenario.policy.onDeadLetter === 'stop') stopped.add(scope)
    },
    resumed: () => stopped.clear(),
  }
}
