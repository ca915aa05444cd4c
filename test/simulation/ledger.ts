/** What really happened to each record, as an outsider who sees everything knows it; and what must never happen. */
import type { DeadLetterReason } from '../../core/contract.ts'
import { fateOf } from './filters.ts'
import type { Planned, Scenario } from './scenario.ts'

export interface Account {
  readonly planned: Planned
  /** Invocations in which the function did its work on it to the end. */
  processed: number
  /** Failures that may be charged to it, and those that must be: they differ where one may have been a free probe. */
  chargeableMost: number
  chargeableLeast: number
  failedProbes: number
  /** Invocations that have it now. */
  running: number
  /** Virtual milliseconds at which the last of them ended. */
  ranUntil: number
  /** The store has it. */
  parkedAs: DeadLetterReason | undefined
  settledAs: 'accepted' | 'rejected' | undefined
  /** Its claim was lost or its process ended at least once. */
  disturbed: 'yes' | 'no'
  /** How often its claim ended without a verdict of the mapping, given back by a close included. */
  losses: number
  /** Virtual milliseconds before which it must not be invoked again; 0: at any time. */
  notBefore: number
  /** The same for a wait that is free, which nobody writes down: it is forgotten with the claim. */
  freeWait: { readonly untilMs: number; readonly losses: number } | undefined
  /** Virtual milliseconds at which its invocations began. */
  readonly begun: number[]
}

export interface Ledger {
  readonly accounts: ReadonlyMap<string, Account>
  readonly violations: string[]
  /** Records that an earlier one of them must have ended, in order: those of its lane, of its key, or none. */
  before(planned: Planned): readonly Account[]
  /** All of its scope. */
  besides(planned: Planned): readonly Account[]
  account(id: string): Account
  violate(what: string): void
  /** Adds to the trace. */
  note(what: string): void
  /** Tells two runs apart. */
  traceHash(): string
  lines(): readonly string[]
}

const LINES_KEPT = 4_000

export const createLedger = (scenario: Scenario, nowMs: () => number): Ledger => {
  const accounts = new Map(scenario.records.map(planned => [planned.id, newAccount(planned)]))
  const scopes = groupByScope(scenario, [...accounts.values()])
  const lines: string[] = []
  const violations: string[] = []
  let hash = 0x811c9dc5
  const note = (what: string): void => {
    const line = `${nowMs()} ${what}`
    for (let index = 0; index < line.length; index += 1) hash = Math.imul(hash ^ line.charCodeAt(index), 0x01000193)
    if (lines.length < LINES_KEPT) lines.push(line)
  }
  return {
    accounts,
    violations,
    before: planned => {
      const scope = scopes.get(scopeOf(scenario, planned) ?? '') ?? []
      const place = scope.findIndex(account => account.planned === planned)
      // What is filtered stands in no scope.
      return place < 0 ? [] : scope.slice(0, place)
    },
    besides: planned => scopes.get(scopeOf(scenario, planned) ?? '') ?? [],
    account(id) {
      const found = accounts.get(id)
      if (!found) throw new Error(`there is no record ${id} in this scenario`)
      return found
    },
    violate(what) {
      note(`VIOLATION ${what}`)
      if (violations.length < 20) violations.push(`at ${nowMs()} ms: ${what}`)
    },
    note,
    traceHash: () => (hash >>> 0).toString(16),
    lines: () => lines,
  }
}

const newAccount = (planned: Planned): Account => ({
  planned,
  processed: 0,
  chargeableMost: 0,
  chargeableLeast: 0,
  failedProbes: 0,
  running: 0,
  ranUntil: 0,
  parkedAs: undefined,
  settledAs: undefined,
  disturbed: 'no',
  losses: 0,
  notBefore: 0,
  freeWait: undefined,
  begun: [],
})

/** Undefined where the scenario asks for no order of this record. */
export const scopeOf = ({ policy }: Scenario, { lane, key }: Planned): string | undefined =>
  policy.order === 'lane' ? lane : policy.order === 'key' && key !== null ? `${lane}/${key}` : undefined

const groupByScope = (scenario: Scenario, accounts: readonly Account[]): ReadonlyMap<string, readonly Account[]> => {
  const groups = new Map<string, Account[]>()
  for (const account of accounts) {
    const scope = scopeOf(scenario, account.planned)
    // Nobody waits for what is filtered, and it waits for nobody.
    if (fateOf(scenario, account.planned) === 'filtered') continue
    if (scope !== undefined) groups.set(scope, [...(groups.get(scope) ?? []), account])
  }
  return groups
}

/** It needs nothing more from the function. */
export const hasEnded = (account: Account): boolean => account.processed > 0 || account.parkedAs !== undefined
