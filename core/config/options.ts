/** Several options at once: parsing an object of them, options inside options, and the table in the docs. */
import { closestMatch } from 'leven'
import type { OptionSpec, OptionSpecs, Parsed, Values, Written } from './option.ts'
import { type Problem, show } from './problem.ts'

/** Further off than this a name is not a slip of the fingers. */
const CLOSE_ENOUGH = 3

/**
 * Every option of `specs` from what the user wrote, `fallback` where nothing was written. Names that are no option are
 * problems, and the nearest known one is named. All problems come at once.
 */
export const parseOptions = <Specs extends OptionSpecs>(
  specs: Specs,
  written: unknown,
  path: string,
  fallback: Values<Specs> = defaultsOf(specs),
): Parsed<Values<Specs>> => {
  if (written === undefined) return { value: fallback }
  if (!isPlainObject(written)) return { problems: [{ path, message: `must be an object, got ${show(written)}` }] }
  const problems: Problem[] = [...unknownNames(written, Object.keys(specs), path)]
  const values: Record<string, unknown> = {}
  for (const [name, spec] of Object.entries(specs)) {
    const before = (fallback as Record<string, unknown>)[name]
    const parsed = written[name] === undefined ? { value: before } : spec.parse(written[name], join(path, name), before)
    if ('problems' in parsed) problems.push(...parsed.problems)
    else values[name] = parsed.value
  }
  return problems.length > 0 ? { problems } : { value: values as Values<Specs> }
}

/** The values that count where a user wrote nothing at all. */
export const defaultsOf = <Specs extends OptionSpecs>(specs: Specs): Values<Specs> =>
  Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, spec.default])) as Values<Specs>

/** An option that is an object of options; what is left out inside keeps its default. */
export const group = <Specs extends OptionSpecs>(declared: {
  readonly doc: string
  readonly options: Specs
}): OptionSpec<Written<Specs>, Values<Specs>> => ({
  doc: declared.doc,
  takes: 'an object',
  defaultText: '',
  default: defaultsOf(declared.options),
  inside: declared.options,
  parse: (value, path, fallback) => parseOptions(declared.options, value, path, fallback),
})

/** A problem for each name that is not known; names the nearest known one, or all of them where none is near. */
export const unknownNames = (
  written: Readonly<Record<string, unknown>>,
  known: readonly string[],
  path: string,
): readonly Problem[] =>
  Object.keys(written)
    .filter(name => !known.includes(name))
    .map(name => ({ path: join(path, name), message: `is not an option; ${suggestion(name, known)}` }))

/** `did you mean batchSize?`, or what there is. */
export const suggestion = (name: string, known: readonly string[]): string => {
  const lower = name.toLowerCase()
  const near =
    known.find(candidate => candidate.toLowerCase() === lower) ??
    closestMatch(name, known, { maxDistance: Math.min(CLOSE_ENOUGH, Math.ceil(name.length / 2)) })
  if (near !== undefined) return `did you mean ${near}?`
  return known.length === 0 ? 'there is none' : `known here: ${known.join(', ')}`
}

/** The options as a Markdown table, those inside others as `backoff.initial`. */
export const optionsTable = (specs: OptionSpecs): string =>
  ['| option | takes | default | |', '|---|---|---|---|', ...rows(specs, '')].join('\n')

const rows = (specs: OptionSpecs, prefix: string): readonly string[] =>
  Object.entries(specs).flatMap(([name, spec]) =>
    spec.inside
      ? [...(spec.defaultText === '' ? [] : [row(`${prefix}${name}`, spec)]), ...rows(spec.inside, `${prefix}${name}.`)]
      : [row(`${prefix}${name}`, spec)],
  )

const row = (name: string, spec: OptionSpec): string =>
  `| \`${name}\` | ${spec.takes} | ${spec.defaultText} | ${spec.doc} |`

export const isPlainObject = (value: unknown): value is Readonly<Record<string, unknown>> => {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** The path of what stands inside; names that are no plain words are quoted, so that a path stays readable. */
export const join = (path: string, name: string): string => {
  const step = /^[\w$/-]+$/.test(name) ? name : JSON.stringify(name)
  return path === '' ? step : `${path}.${step}`
}
