/** What the simulated function does with a batch: decided by the natures of its records and the faults that are on. */
import type { InvokedRecord, Outcome, RefusedRecord } from '../../core/engine/contract.ts'
import type { Account } from './ledger.ts'
import { scopeOf } from './ledger.ts'
import { LISTED_ERROR } from './policies.ts'
import type { World } from './world.ts'

export interface Doing {
  readonly outcome: Outcome
  /** Records it did its work on, to the end. */
  readonly processed: readonly Account[]
  /** Records whose failure may be charged to them. */
  readonly blamed: readonly Account[]
  /** Records it named as untried, where nothing before them in their scope failed. */
  readonly untried: readonly Account[]
  readonly retryAfterMs: ReadonlyMap<Account, number>
}

const NOTHING = { processed: [], blamed: [], untried: [], retryAfterMs: new Map<Account, number>() }

const NO_ROOM = { name: 'NoRoom', message: 'simulated' }
/** What the simulated function asks callers to wait. */
export const THROTTLED_MS = 700

export const runFunction = (world: World, records: readonly InvokedRecord[]): Doing => {
  const all = records.map(({ record }) => world.ledger.account(record.id))
  if (world.isOn('function not ready'))
    return { outcome: { kind: 'not-ready', error: { name: 'Init', message: 'not ready' } }, ...NOTHING }
  if (world.isOn('function throttles'))
    return { outcome: { kind: 'throttled', error: NO_ROOM, retryAfterMs: THROTTLED_MS }, ...NOTHING }
  const refused = all.filter(({ planned }) => planned.nature.kind === 'refused')
  const given = all.filter(account => !refused.includes(account))
  const refusals = refused.map(refusalOf)
  const whole = wholeFailure(world, given)
  if (whole === 'throws' || whole === 'times out') {
    for (const { planned } of given) tries.set(planned, triesOf(planned) + 1)
    return { outcome: { kind: 'failed', error: errorOf(whole), refused: refusals }, ...blame(world, given) }
  }
  if (whole === 'nonsense') {
    const value = { batchItemFailures: [{ itemIdentifier: 'nobody' }] }
    return { outcome: { kind: 'answered', value, refused: refusals }, ...blame(world, given) }
  }
  return oneByOne(world, given, refusals)
}

const blame = ({ scenario }: World, given: readonly Account[]): Omit<Doing, 'outcome'> => ({
  ...NOTHING,
  blamed: given.length === 1 || !scenario.policy.bisect ? given : [],
})

const errorOf = (how: string) => ({ name: 'SimulatedFailure', message: how })

const wholeFailure = (world: World, given: readonly Account[]): 'throws' | 'times out' | 'nonsense' | undefined => {
  if (given.length === 0) return undefined
  if (world.isOn('function throws')) return 'throws'
  if (world.isOn('function times out')) return 'times out'
  if (world.isOn('function answers nonsense')) return 'nonsense'
  return given.some(({ planned }) => planned.nature.kind === 'throws' && planned.nature.times > triesOf(planned))
    ? 'throws'
    : undefined
}

/** How often a record has failed by its own nature; runs are told apart by the records themselves. */
const tries = new WeakMap<Account['planned'], number>()
const triesOf = (planned: Account['planned']): number => tries.get(planned) ?? 0

const refusalOf = ({ planned }: Account): RefusedRecord => ({
  id: planned.id,
  verdict: 'undecodable',
  error: { name: 'Undecodable', message: 'simulated' },
})

const oneByOne = (world: World, given: readonly Account[], refused: readonly RefusedRecord[]): Doing => {
  const blocked = new Set<string>()
  const failures: object[] = []
  const processed: Account[] = []
  const blamed: Account[] = []
  const untried: Account[] = []
  const retryAfterMs = new Map<Account, number>()
  const { comesTo } = world.scenario
  for (const [index, account] of given.entries()) {
    const scope = scopeOf(world.scenario, account.planned)
    if (comesTo !== undefined && (index >= comesTo || failures.length > 0)) {
      failures.push({ itemIdentifier: account.planned.id, untried: true })
      if (scope === undefined || !blocked.has(scope)) untried.push(account)
      continue
    }
    if (scope !== undefined && blocked.has(scope) && world.scenario.behindFailure === 'stops') continue
    const failure = failureOf(world, account)
    if (!failure) {
      processed.push(account)
      continue
    }
    failures.push(failure)
    if (failure.retryAfterMs !== undefined) retryAfterMs.set(account, failure.retryAfterMs)
    if (scope === undefined || !blocked.has(scope)) blamed.push(account)
    if (scope !== undefined) blocked.add(scope)
  }
  const value = failures.length === 0 ? undefined : { batchItemFailures: failures }
  return { outcome: { kind: 'answered', value, refused }, processed, blamed, untried, retryAfterMs }
}

const failureOf = (world: World, { planned }: Account): { retryAfterMs?: number } | undefined => {
  const { nature, id: itemIdentifier } = planned
  const tried = triesOf(planned)
  if (tried === Number.POSITIVE_INFINITY) return undefined
  tries.set(planned, tried + 1)
  if (world.isOn('function names')) return { itemIdentifier, error: 'an outage' } as object
  if (nature.kind === 'never')
    return nature.how === 'flag'
      ? ({ itemIdentifier, retryable: false } as object)
      : ({ itemIdentifier, error: { name: LISTED_ERROR, message: 'simulated' } } as object)
  if (nature.kind !== 'named' || tried >= nature.times) return undefined
  const { retryAfterMs } = nature
  return { itemIdentifier, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) } as object
}
