/** Why an event matched, or did not: for people. */
import { matchesTree, treeOf } from './match.ts'
import type { Alternative, Condition, Test } from './pattern.ts'
import { show } from './show.ts'

export interface Explanation {
  readonly matches: boolean
  /** A line for each condition of the alternative that matched, or came closest. */
  readonly lines: readonly string[]
}

export const explainMismatch = (alternatives: readonly Alternative[], event: unknown): Explanation => {
  const judged = alternatives.map(conditions => {
    const wrong = conditions.filter(condition => !matchesTree(treeOf([condition]), event))
    return { conditions, wrong, matches: matchesTree(treeOf(conditions), event) }
  })
  const best =
    judged.find(({ matches }) => matches) ?? judged.toSorted((one, other) => one.wrong.length - other.wrong.length)[0]
  if (!best) return { matches: false, lines: [] }
  const lines = best.conditions.map(condition => lineOf(condition, best.wrong.includes(condition), event))
  // Each by itself holds, and not all of them in one element of a list.
  if (!best.matches && best.wrong.length === 0) lines.push('✗ no single element of a list has all of these')
  if (alternatives.length > 1)
    lines.unshift(`the ${best.matches ? 'first that matches' : 'closest'} of ${alternatives.length} alternatives:`)
  return { matches: best.matches, lines }
}

const lineOf = ({ path, tests }: Condition, wrong: boolean, event: unknown): string => {
  const found = valuesAt(event, path)
  const got = found.length === 0 ? 'there is none' : `got ${found.map(show).join(', ')}`
  return `${wrong ? '✗' : '✓'} ${path.join('.')}: ${tests.map(textOf).join(' or ')}; ${got}`
}

const valuesAt = (value: unknown, path: readonly string[]): readonly unknown[] => {
  if (Array.isArray(value)) return value.flatMap(item => valuesAt(item, path))
  const [name, ...rest] = path
  if (name === undefined) return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, below]) => {
    if (key === name) return valuesAt(below, rest)
    return key.startsWith(`${name}.`) ? valuesAt({ [key.slice(name.length + 1)]: below }, rest) : []
  })
}

const textOf = (test: Test): string => {
  switch (test.op) {
    case 'equals':
      return JSON.stringify(test.value)
    case 'prefix':
    case 'suffix':
      return `${test.op} ${JSON.stringify(test.text)}${test.case === 'ignored' ? ' in any case' : ''}`
    case 'equals-ignore-case':
      return `${JSON.stringify(test.text)} in any case`
    case 'wildcard':
      return `wildcard ${JSON.stringify(test.parts.join('*'))}`
    case 'anything-but':
      return `anything but ${test.tests.map(textOf).join(', ')}`
    case 'numeric':
      return test.bounds.map(({ sign, value }) => `${sign} ${value}`).join(' and ')
    case 'exists':
      return test.expected === 'present' ? 'anything' : 'nothing'
    case 'cidr':
      return `an address in ${test.text}`
  }
}
