/** Whether one value passes one test. Every test is linear in the length of the value. */
import type { Bound, Test } from './pattern.ts'

export const passes = (test: Test, value: unknown): boolean => {
  switch (test.op) {
    case 'equals':
      return value === test.value
    case 'prefix':
      return typeof value === 'string' && (test.case === 'kept' ? value : value.toLowerCase()).startsWith(test.text)
    case 'suffix':
      return typeof value === 'string' && (test.case === 'kept' ? value : value.toLowerCase()).endsWith(test.text)
    case 'equals-ignore-case':
      return typeof value === 'string' && value.toLowerCase() === test.text
    case 'wildcard':
      return typeof value === 'string' && matchesWildcard(test.parts, value)
    case 'anything-but':
      return !test.tests.some(nested => passes(nested, value))
    case 'numeric':
      return typeof value === 'number' && test.bounds.every(bound => isWithin(bound, value))
    case 'cidr':
      return typeof value === 'string' && test.contains(value)
    case 'exists':
      // That there is none is a question to the whole event, not to a value.
      return test.expected === 'present'
  }
}

const isWithin = ({ sign, value: limit }: Bound, value: number): boolean => {
  if (sign === '=') return value === limit
  if (sign === '<') return value < limit
  if (sign === '<=') return value <= limit
  return sign === '>' ? value > limit : value >= limit
}

/** The first part begins the text, the last one ends it, and each in between is taken where it is found first. */
const matchesWildcard = (parts: readonly string[], text: string): boolean => {
  const first = parts[0] ?? ''
  if (parts.length === 1) return text === first
  const last = parts.at(-1) ?? ''
  const end = text.length - last.length
  if (!text.startsWith(first) || !text.endsWith(last) || end < first.length) return false
  let at = first.length
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, at)
    if (found < 0 || found + part.length > end) return false
    at = found + part.length
  }
  return true
}
