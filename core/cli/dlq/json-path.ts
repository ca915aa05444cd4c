/** Changing fields of JSON by their paths. Pure. */
import { errorInfo } from '../../errors.ts'
import { usage } from '../input.ts'

export interface Setting {
  /** `order.items.0.sku`. */
  readonly path: string
  /** As JSON where it is some, else a text. */
  readonly value: string
}

/** The JSON with these fields changed. Throws CLI_USAGE for what is no JSON, or a path that leads nowhere. */
export const withSettings = (json: string, settings: readonly Setting[]): string =>
  JSON.stringify(settings.reduce(withSetting, parsed(json)))

const parsed = (json: string): unknown => {
  try {
    return JSON.parse(json)
  } catch (error) {
    throw usage(`--set is for bodies of JSON, this one is none: ${errorInfo(error).message}`)
  }
}

const withSetting = (data: unknown, { path, value }: Setting): unknown =>
  changed(data, path.split('.'), settingValue(value), path)

const changed = (data: unknown, [name, ...rest]: readonly string[], value: unknown, path: string): unknown => {
  if (name === undefined) return value
  if (Array.isArray(data)) {
    const index = Number(name)
    if (!Number.isInteger(index) || index < 0 || index > data.length)
      throw usage(`--set ${path}: ${name} is no place in a list of ${data.length}`)
    return index === data.length
      ? [...data, changed(undefined, rest, value, path)]
      : data.with(index, changed(data[index], rest, value, path))
  }
  if (data !== undefined && (typeof data !== 'object' || data === null))
    throw usage(`--set ${path}: there is no ${name} in ${JSON.stringify(data)}`)
  const fields = Object.entries(data ?? {})
  const inside = Object.hasOwn(data ?? {}, name) ? (data as Readonly<Record<string, unknown>>)[name] : undefined
  const next = changed(inside, rest, value, path)
  return Object.fromEntries(
    fields.some(([field]) => field === name)
      ? fields.map(([field, old]) => [field, field === name ? next : old])
      : [...fields, [name, next]],
  )
}

const settingValue = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
