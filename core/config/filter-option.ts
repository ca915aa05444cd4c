/** The option `filter` of a mapping: a pattern, or a few of which one has to match. */
import { type Filter, tryCompileFilter } from '../filter/filter.ts'
import type { OptionSpec } from './option.ts'
import { isPlainObject, join } from './options.ts'
import { show } from './problem.ts'

/** A pattern in the language of Amazon EventBridge, on `data`, `key`, `headers`, `position` and the like. */
export type FilterPattern = { readonly [field: string]: unknown }

export interface FilterValue {
  readonly filters: readonly Filter[]
  /** As they were written: plain data. */
  readonly patterns: readonly FilterPattern[]
}

/** As many as AWS gives at most. */
const MAX_PATTERNS = 10
/** What a pattern may speak of; anything else would never match and is a slip. */
const FIELDS = ['data', 'id', 'source', 'time', 'key', 'headers', 'properties', 'position']

export const filterOption: OptionSpec<FilterPattern | readonly FilterPattern[], FilterValue | undefined> = {
  doc: 'Only records that match this pattern, or one of these, reach the function; the others are settled and counted as filtered (docs/filters.md).',
  takes: 'a pattern, or up to 10',
  defaultText: 'none',
  default: undefined,
  parse(written, path) {
    const patterns: readonly unknown[] = Array.isArray(written) ? written : [written]
    if (patterns.length === 0 || patterns.length > MAX_PATTERNS || !patterns.every(isPlainObject))
      return {
        problems: [{ path, message: `must be a pattern, or a list of 1 to ${MAX_PATTERNS}, got ${show(written)}` }],
      }
    const compiled = patterns.map((pattern, index) => ({
      at: Array.isArray(written) ? join(path, String(index)) : path,
      ...tryCompileFilter(pattern),
    }))
    const problems = compiled.flatMap(each => {
      if ('problems' in each)
        return each.problems.map(problem => ({
          ...problem,
          path: problem.path === '' ? each.at : `${each.at}.${problem.path}`,
        }))
      const unknown = [...each.filter.fields].filter(field => !FIELDS.includes(field))
      return unknown.map(field => ({
        path: join(each.at, field),
        message: `is nothing that a record has; known here: ${FIELDS.join(', ')}`,
      }))
    })
    if (problems.length > 0) return { problems }
    const filters = compiled.flatMap(each => ('filter' in each ? [each.filter] : []))
    return { value: { filters, patterns: patterns as readonly FilterPattern[] } }
  },
}
