/** A pattern, compiled once. */
import { MillraceError } from '../errors.ts'
import { type Explanation, explainMismatch } from './explain.ts'
import { matchesTree, treeOf } from './match.ts'
import { parsePattern } from './parse.ts'
import type { PatternProblem } from './pattern.ts'

export interface Filter {
  /** Whether an event, as JSON.parse gives it, matches. */
  matches(event: unknown): boolean
  /** What matched, or what of the closest alternative did not. */
  explain(event: unknown): Explanation
  /** The first names of its paths: what it needs to know of an event. */
  readonly fields: ReadonlySet<string>
}

export type CompiledFilter = { readonly filter: Filter } | { readonly problems: readonly PatternProblem[] }

/** The filter, or everything that is wrong with the pattern. */
export const tryCompileFilter = (pattern: unknown): CompiledFilter => {
  const parsed = parsePattern(pattern)
  if ('problems' in parsed) return parsed
  const { alternatives } = parsed
  const trees = alternatives.map(treeOf)
  return {
    filter: {
      matches: event => trees.some(tree => matchesTree(tree, event)),
      explain: event => explainMismatch(alternatives, event),
      fields: new Set(alternatives.flatMap(conditions => conditions.map(({ path }) => path[0] ?? ''))),
    },
  }
}

/**
 * Compiles a pattern in the language of Amazon EventBridge: exact values, prefix, suffix, equals-ignore-case, wildcard,
 * anything-but, numeric, exists, cidr and `$or`. Throws FILTER_INVALID, which names everything that is wrong with it.
 */
export const compileFilter = (pattern: unknown): Filter => {
  const compiled = tryCompileFilter(pattern)
  if ('filter' in compiled) return compiled.filter
  throw new MillraceError(
    'FILTER_INVALID',
    `the pattern ${compiled.problems.map(({ path, message }) => `${path === '' ? 'itself' : path} ${message}`).join('; ')}`,
  )
}
