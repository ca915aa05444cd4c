/**
 * Values that differ per place, passwords above all. A reference is data that may be printed, `env(NAME)`; it becomes
 * a secret only when the app starts, and a secret prints as `***` wherever it ends up.
 *
 *   env('KAFKA_PASSWORD') ── resolveSecrets, at start ──▶ Secret ── reveal(), at the client's door ──▶ string
 */
import { readFileSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { inspect } from 'node:util'
import { errorInfo, MillraceError } from '../errors.ts'

const HIDDEN = '***'

/** Where a value will be found when the app starts. Made by `env` and `file`. */
export interface SecretRef {
  readonly from: 'env' | 'file'
  /** The variable's name, or the file's path. */
  readonly name: string
}

/** A resolved value that does not print; only {@link reveal} gives it away. */
export interface Secret {
  readonly secret: true
}

export interface SecretPlaces {
  /** Default: the environment of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** What relative paths of `file` start from. Default: the working folder. */
  readonly folder?: string
  /** What stands for every reference that leads to nothing. Default: the app does not start. */
  readonly missing?: string
}

/** Registered symbols, so that a reference made by another copy of Millrace in node_modules is known here too. */
const REFERENCE = Symbol.for('millrace.secret.reference')
const VALUE = Symbol.for('millrace.secret.value')

/** The environment variable `name` at start; `fallback` where it is not set. Without either the app does not start. */
export const env = (name: string, fallback?: string): SecretRef =>
  hide({ from: 'env' as const, name }, () => `env(${name})`, { [REFERENCE]: { value: { fallback } } })

/** The text of the file at `path` at start, without the line break at its end. Relative to the config's folder. */
export const file = (path: string): SecretRef =>
  hide({ from: 'file' as const, name: path }, () => `file(${path})`, { [REFERENCE]: { value: {} } })

/** The value of a secret, or the string itself. For the one line that hands it to a client or a function. */
export const reveal = (value: string | Secret): string =>
  typeof value === 'string' ? value : (value as unknown as { readonly [VALUE]: string })[VALUE]

/** Whether this was made by `env` or `file`. */
export const isSecretRef = (value: unknown): value is SecretRef =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, REFERENCE)

/** `Value` with every reference in it replaced by a secret. */
export type Resolved<Value> = Value extends SecretRef
  ? Secret
  : Value extends string | number | boolean | null | undefined | ((...args: never[]) => unknown)
    ? Value
    : { readonly [Key in keyof Value]: Resolved<Value[Key]> }

/**
 * A copy of `value` in which every reference, at any depth of its plain objects and lists, is a secret. Throws
 * SECRET_MISSING that names all references that lead to nothing, each with its path below `where`.
 */
export const resolveSecrets = <Value>(value: Value, where: string, places: SecretPlaces = {}): Resolved<Value> => {
  const missing: string[] = []
  const walk = (current: unknown, path: string): unknown => {
    if (isSecretRef(current)) {
      const found = lookUp(current, places)
      const value = 'value' in found ? found.value : places.missing
      if (value !== undefined) return secret(value)
      if ('missing' in found) missing.push(`${path}: ${found.missing}`)
    }
    if (Array.isArray(current)) return current.map((item, index) => walk(item, `${path}.${index}`))
    if (!isPlain(current)) return current
    return Object.fromEntries(Object.entries(current).map(([name, inner]) => [name, walk(inner, `${path}.${name}`)]))
  }
  const resolved = walk(value, where)
  if (missing.length > 0) throw new MillraceError('SECRET_MISSING', missing.join('\n'), { fatal: true })
  return resolved as Resolved<Value>
}

/** A function's variables as its process gets them. Those that were secrets do not print, here either. */
export const revealVariables = (
  variables: Readonly<Record<string, string | Secret>>,
): Readonly<Record<string, string>> => {
  const entries = Object.entries(variables)
  const revealed = Object.fromEntries(entries.map(([name, value]) => [name, reveal(value)]))
  const printed = Object.fromEntries(entries.map(([name, value]) => [name, typeof value === 'string' ? value : HIDDEN]))
  return hide(revealed, () => printed)
}

const secret = (value: string): Secret => hide({ secret: true }, () => HIDDEN, { [VALUE]: { value } })

/** Nothing of it is enumerable, so that copying or comparing the object sees its data only. */
const hide = <Value extends object>(value: Value, printed: () => unknown, more: PropertyDescriptorMap = {}): Value =>
  Object.freeze(
    Object.defineProperties(value, {
      ...more,
      toString: { value: () => (typeof printed() === 'string' ? printed() : JSON.stringify(printed())) },
      toJSON: { value: printed },
      [inspect.custom]: { value: printed },
    }),
  )

const lookUp = (ref: SecretRef, places: SecretPlaces): { readonly value: string } | { readonly missing: string } => {
  if (ref.from === 'file') return readText(isAbsolute(ref.name) ? ref.name : join(places.folder ?? '.', ref.name))
  const value = (places.env ?? process.env)[ref.name] ?? fallbackOf(ref)
  if (value !== undefined) return { value }
  return {
    missing: `the environment variable ${ref.name} is not set; set it, or give a default: env('${ref.name}', '…')`,
  }
}

const fallbackOf = (ref: SecretRef): string | undefined =>
  (ref as unknown as { readonly [REFERENCE]: { readonly fallback?: string } })[REFERENCE].fallback

const readText = (path: string): { readonly value: string } | { readonly missing: string } => {
  try {
    return { value: readFileSync(path, 'utf8').replace(/\r?\n$/, '') }
  } catch (error) {
    return { missing: `the file ${path} cannot be read (${errorInfo(error).code ?? errorInfo(error).message})` }
  }
}

const isPlain = (value: unknown): value is Record<string, unknown> => {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
