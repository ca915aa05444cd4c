/** A pattern as written becomes conditions, or all that is wrong with it. */

import { isOperator, parseTest } from './parse-test.ts'
import type { Alternative, Condition, PatternProblem } from './pattern.ts'
import { show } from './show.ts'

/** What EventBridge allows `$or` to come to, multiplied out. */
export const MAX_ALTERNATIVES = 1_000
/** Of all lists together: far more than a person writes, and still matched in well under a millisecond. */
export const MAX_TESTS = 10_000

export type ParsedPattern =
  | { readonly alternatives: readonly Alternative[] }
  | { readonly problems: readonly PatternProblem[] }

export const parsePattern = (written: unknown): ParsedPattern => {
  const problems: PatternProblem[] = []
  const alternatives = readObject(written, [], '', problems)
  if (problems.length > 0) return { problems }
  const tests = alternatives.reduce((sum, conditions) => sum + countTests(conditions), 0)
  if (alternatives.length > MAX_ALTERNATIVES || tests > MAX_TESTS)
    return {
      problems: [
        {
          path: '',
          message:
            `is too complex: ${alternatives.length} alternatives of $or, multiplied out, with ${tests} values; ` +
            `expected at most ${MAX_ALTERNATIVES} and ${MAX_TESTS}`,
        },
      ],
    }
  return { alternatives }
}

const countTests = (conditions: Alternative): number => conditions.reduce((sum, { tests }) => sum + tests.length, 0)

const OR = '$or'

const readObject = (
  written: unknown,
  path: readonly string[],
  at: string,
  problems: PatternProblem[],
): readonly Alternative[] => {
  if (!isObject(written)) {
    problems.push({ path: at, message: `must be an object of fields, got ${show(written)}` })
    return []
  }
  const entries = Object.entries(written)
  if (entries.length === 0) {
    problems.push({ path: at, message: 'must not be empty; leave it out instead' })
    return []
  }
  return entries
    .map(([name, value]) =>
      name === OR && isOr(value)
        ? readOr(value, path, join(at, name), problems)
        : readField(value, [...path, ...name.split('.')], join(at, name), problems),
    )
    .reduce((all, more) => product(all, more, problems))
}

/** Anything else of that name is a field like any other, as on EventBridge. */
const isOr = (value: unknown): value is readonly Readonly<Record<string, unknown>>[] =>
  Array.isArray(value) &&
  value.length >= 2 &&
  value.every(item => isObject(item) && Object.keys(item).length > 0 && !Object.keys(item).some(isOperator))

const readOr = (
  items: readonly Readonly<Record<string, unknown>>[],
  path: readonly string[],
  at: string,
  problems: PatternProblem[],
): readonly Alternative[] => items.flatMap((item, index) => readObject(item, path, `${at}[${index}]`, problems))

const readField = (
  value: unknown,
  path: readonly string[],
  at: string,
  problems: PatternProblem[],
): readonly Alternative[] => {
  if (isObject(value)) return readObject(value, path, at, problems)
  if (!Array.isArray(value) || value.length === 0) {
    const got = Array.isArray(value) ? 'an empty one' : show(value)
    problems.push({ path: at, message: `must be a list of values, or an object of fields, got ${got}` })
    return []
  }
  const tests = value.flatMap((item, index) => {
    const test = parseTest(item)
    if (!('problem' in test)) return [test]
    problems.push({ path: `${at}[${index}]`, message: test.problem })
    return []
  })
  const condition: Condition = { path, tests }
  return [[condition]]
}

/** Every one of the first with every one of the second; stops growing once it is too many, which is told later. */
const product = (
  one: readonly Alternative[],
  other: readonly Alternative[],
  problems: readonly PatternProblem[],
): readonly Alternative[] => {
  if (problems.length > 0) return []
  const all: Alternative[] = []
  for (const left of one)
    for (const right of other) {
      all.push([...left, ...right])
      if (all.length > MAX_ALTERNATIVES) return all
    }
  return all
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const join = (at: string, name: string): string => {
  const step = /^[\w$-]+$/.test(name) ? name : JSON.stringify(name)
  return at === '' ? step : `${at}.${step}`
}
