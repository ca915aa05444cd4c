/**
 * Patterns in the language of Amazon EventBridge, as plain data after parsing.
 *
 *   { data: { state: ['paid', { prefix: 're' }], total: [{ numeric: ['>', 0] }] } }
 *
 * Fields are all to match, the values of a list are alternatives. Source of the language: the EventBridge user guide,
 * "Comparison operators for use in event patterns", and the README of aws/event-ruler, as read in 2026.
 */

/** A string, or one of these. Case is folded as far as Unicode's simple lower case goes. */
export type Test =
  | { readonly op: 'equals'; readonly value: string | number | boolean | null }
  | { readonly op: 'prefix' | 'suffix'; readonly text: string; readonly case: 'kept' | 'ignored' }
  | { readonly op: 'equals-ignore-case'; readonly text: string }
  | { readonly op: 'wildcard'; readonly parts: readonly string[] }
  | { readonly op: 'anything-but'; readonly tests: readonly Test[] }
  | { readonly op: 'numeric'; readonly bounds: readonly Bound[] }
  | { readonly op: 'exists'; readonly expected: 'present' | 'absent' }
  | { readonly op: 'cidr'; readonly text: string; readonly contains: (address: string) => boolean }

export interface Bound {
  readonly sign: '=' | '<' | '<=' | '>' | '>='
  readonly value: number
}

/** One list of alternatives for the value at a path. */
export interface Condition {
  readonly path: readonly string[]
  readonly tests: readonly Test[]
}

/** Conditions that all have to hold; a pattern is one such list, or several where it has `$or`. */
export type Alternative = readonly Condition[]

/** Something wrong with a pattern: where, as a path into it, and what. */
export interface PatternProblem {
  readonly path: string
  readonly message: string
}
