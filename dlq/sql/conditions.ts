/** Filters as conditions of a query. Pure. */
import { namedKey } from '../key.ts'
import { lowestIdAt } from '../letter-id.ts'
import type { LetterFilter } from '../store.ts'
import type { SqlValue, Values } from './work.ts'

export interface Condition {
  /** Up to its value, where it has one. */
  readonly text: string
  readonly value?: SqlValue
}

/** Columns with an index of their own, in the order in which they leave the fewest letters. */
const INDEXED = [
  ['record_key', 'key'],
  ['fingerprint', 'fingerprint'],
  ['error_name', 'error'],
  ['function', 'function'],
  ['mapping', 'mapping'],
] as const

export interface Conditions {
  /** What an index answers, letters in the order of their ids. */
  readonly indexed: readonly Condition[]
  /** What each letter has to be looked at for. */
  readonly rest: readonly Condition[]
}

/** All but what only envelope and body tell. */
export const conditionsOf = (filter: LetterFilter): Conditions => {
  const { state, source, reason, since, until } = filter
  const columns = INDEXED.flatMap(([column, name]) => {
    const value = name === 'key' && filter.key !== undefined ? namedKey(filter.key) : filter[name]
    return value === undefined ? [] : [equal(column, value)]
  })
  const range: readonly Condition[] = [
    ...(since === undefined ? [] : [{ text: 'id >= ', value: lowestIdAt(since) }]),
    ...(until === undefined ? [] : [{ text: 'id < ', value: lowestIdAt(until) }]),
  ]
  const others = [
    ...(source === undefined ? [] : [equal('source', source)]),
    ...(reason === undefined ? [] : [equal('reason', reason)]),
  ]
  // Letters in a state that is not open are few, or not listed: there is an index of just those.
  if (state !== undefined && state !== 'open')
    return { indexed: [equal('state', state), { text: "state <> 'open'" }, ...range], rest: [...columns, ...others] }
  const inState = state === undefined ? [] : [equal('state', state)]
  return {
    indexed: [...columns.slice(0, 1), { text: 'listed = 1' }, ...range],
    rest: [...columns.slice(1), ...inState, ...others],
  }
}

const equal = (column: string, value: string): Condition => ({ text: `${column} = `, value })

/** All of them, as the text after WHERE. */
export const allOf = (conditions: readonly Condition[], values: Values): string =>
  conditions.length === 0
    ? '1 = 1'
    : conditions.map(({ text, value }) => (value === undefined ? text : text + values.add(value))).join(' AND ')
