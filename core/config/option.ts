/**
 * An option, declared once: its check, default, unit and documentation. Types, validation, defaults and the tables in
 * the docs all come from the same declaration. These are the kinds of single values; `options.ts` has what holds several.
 */
import { type Duration, formatDuration, parseDuration } from './duration.ts'
import { type Problem, show } from './problem.ts'
import { isSecretRef, type SecretRef } from './secret.ts'
import { formatSize, parseSize, type Size } from './size.ts'

/** `Written` is what a user may write, `Value` what the code gets: durations in milliseconds, sizes in bytes. */
export interface OptionSpec<Written = unknown, Value = unknown> {
  readonly doc: string
  /** What may be written: `1 to 10000`. */
  readonly takes: string
  /** The default as a user would write it, or in words where it follows from something else. */
  readonly defaultText: string
  readonly default: Value
  /** `fallback` is what counts where the user wrote nothing, or, in an object of options, wrote only some. */
  parse(value: unknown, path: string, fallback: Value): Parsed<Value>
  /** The options inside, where this one is an object. */
  readonly inside?: OptionSpecs
  /** Never set: carries the type. */
  readonly written?: Written
}

export type OptionSpecs = Readonly<Record<string, OptionSpec>>

export type Parsed<Value> = { readonly value: Value } | { readonly problems: readonly Problem[] }

/** What a user may write for these options. */
export type Written<Specs> = {
  readonly [Name in keyof Specs]?: Specs[Name] extends OptionSpec<infer Input, infer _> ? Input : never
}

/** What the code gets: every option, defaults filled in. */
export type Values<Specs> = {
  readonly [Name in keyof Specs]: Specs[Name] extends OptionSpec<infer _, infer Value> ? Value : never
}

interface Common {
  readonly doc: string
  /** For an option without a default: what counts then, in words. Default: `none`. */
  readonly otherwise?: string
}

/** The value's type is without `undefined` exactly where a default is given. */
type WithDefault<Default, Value> = undefined extends Default ? Value | undefined : Value

/** A spec from a check that answers `undefined` for what it does not take. */
export const option = <Input, Value>(declared: {
  readonly doc: string
  readonly takes: string
  /** What a message says after the path. */
  readonly expected: string
  readonly default: Value
  readonly defaultText: string
  readonly read: (value: unknown) => Value | undefined
}): OptionSpec<Input, Value> => ({
  doc: declared.doc,
  takes: declared.takes,
  default: declared.default,
  defaultText: declared.defaultText,
  parse(value, path) {
    const read = declared.read(value)
    if (read !== undefined) return { value: read }
    return { problems: [{ path, message: `must be ${declared.expected}, got ${show(value)}` }] }
  },
})

/** A whole number from `min` to `max`. */
export const whole = <const Default extends number | undefined = undefined>(
  declared: Common & { readonly min: number; readonly max: number; readonly default?: Default },
): OptionSpec<number, WithDefault<Default, number>> =>
  option({
    doc: declared.doc,
    takes: `${declared.min} to ${declared.max}`,
    expected: `between ${declared.min} and ${declared.max}`,
    default: declared.default as WithDefault<Default, number>,
    defaultText: String(declared.default ?? declared.otherwise ?? 'none'),
    read: value => (Number.isInteger(value) && within(value as number, declared) ? (value as never) : undefined),
  })

/** A number from `min` to `max`. */
export const decimal = (
  declared: Common & { readonly min: number; readonly max: number; readonly default: number },
): OptionSpec<number, number> =>
  option({
    doc: declared.doc,
    takes: `${declared.min} to ${declared.max}`,
    expected: `between ${declared.min} and ${declared.max}`,
    default: declared.default,
    defaultText: String(declared.default),
    read: value => (typeof value === 'number' && within(value, declared) ? value : undefined),
  })

/** A duration from `min` to `max`; the value is milliseconds. */
export const duration = <const Default extends Duration | undefined = undefined>(
  declared: Common & { readonly min: Duration; readonly max: Duration; readonly default?: Default },
): OptionSpec<Duration, WithDefault<Default, number>> => {
  const range = { min: parseDuration(declared.min) ?? 0, max: parseDuration(declared.max) ?? 0 }
  return option({
    doc: declared.doc,
    takes: `${declared.min} to ${declared.max}`,
    expected: `a duration between ${declared.min} and ${declared.max}, like '${formatDuration(example(range))}'`,
    default: parseDuration(declared.default) as WithDefault<Default, number>,
    defaultText: declared.default ?? declared.otherwise ?? 'none',
    read: value => rangedBy(parseDuration(value), range) as never,
  })
}

/** A size from `min` to `max`; the value is bytes. */
export const size = <const Default extends Size | undefined = undefined>(
  declared: Common & { readonly min: Size; readonly max: Size; readonly default?: Default },
): OptionSpec<Size, WithDefault<Default, number>> => {
  const range = { min: parseSize(declared.min) ?? 0, max: parseSize(declared.max) ?? 0 }
  return option({
    doc: declared.doc,
    takes: `${declared.min} to ${declared.max}`,
    expected: `a size between ${declared.min} and ${declared.max}, like '${formatSize(range.max)}'`,
    default: parseSize(declared.default) as WithDefault<Default, number>,
    defaultText: declared.default ?? declared.otherwise ?? 'none',
    read: value => rangedBy(parseSize(value), range) as never,
  })
}

/** True or false. */
export const flag = (declared: { readonly doc: string; readonly default: boolean }): OptionSpec<boolean, boolean> =>
  option({
    doc: declared.doc,
    takes: '`true`, `false`',
    expected: 'true or false',
    default: declared.default,
    defaultText: String(declared.default),
    read: value => (typeof value === 'boolean' ? value : undefined),
  })

/** One of some words. */
export const choice = <const Word extends string, const Default extends Word | undefined = undefined>(
  declared: Common & { readonly of: readonly Word[]; readonly default?: Default },
): OptionSpec<Word, WithDefault<Default, Word>> =>
  option({
    doc: declared.doc,
    takes: declared.of.map(word => `\`${word}\``).join(', '),
    expected: `one of ${declared.of.map(word => `'${word}'`).join(', ')}`,
    default: declared.default as WithDefault<Default, Word>,
    defaultText: declared.default ?? declared.otherwise ?? 'none',
    read: value => (declared.of.includes(value as Word) ? (value as never) : undefined),
  })

/** A list of non-empty texts; none by default. */
export const texts = (declared: {
  readonly doc: string
  readonly takes: string
}): OptionSpec<readonly string[], readonly string[]> =>
  option({
    doc: declared.doc,
    takes: declared.takes,
    expected: 'a list of non-empty texts',
    default: [],
    defaultText: 'none',
    read: value => (Array.isArray(value) && value.every(item => typeof item === 'string' && item) ? value : undefined),
  })

/** A non-empty text that may differ per place: written out, `env(NAME)` or `file(path)`. */
export const text = (declared: {
  readonly doc: string
  readonly otherwise: string
}): OptionSpec<string | SecretRef, string | SecretRef | undefined> =>
  option({
    doc: declared.doc,
    takes: 'a text, `env(…)`, `file(…)`',
    expected: 'a non-empty text, env(NAME) or file(path)',
    default: undefined,
    defaultText: declared.otherwise,
    read: value => (isText(value) ? value : undefined),
  })

/** What {@link text} takes. */
export const isText = (value: unknown): value is string | SecretRef =>
  (typeof value === 'string' && value !== '') || isSecretRef(value)

interface Range {
  readonly min: number
  readonly max: number
}

const within = (value: number, range: Range): boolean => value >= range.min && value <= range.max

const rangedBy = (value: number | undefined, range: Range): number | undefined =>
  value !== undefined && within(value, range) ? value : undefined

const example = (range: Range): number => Math.min(Math.max(30_000, range.min), range.max)
