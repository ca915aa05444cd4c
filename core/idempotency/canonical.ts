/**
 * A value as JSON text in which equal values are equal texts and different ones different: members sorted as in RFC 8785, and
 * the types that JSON lacks kept (`"1"`, `1` and `1n` are three values).
 */

/** `payload`: for telling values apart. `result`: to be read back, with members in their own order. */
type Use = 'payload' | 'result'

/** Where a value is that has no text, and why. */
export class Unwritable extends Error {
  override readonly name = 'Unwritable'
}

/** Throws {@link Unwritable} for functions, symbols, promises, and objects that contain themselves. */
export const canonicalText = (value: unknown, use: Use = 'payload'): string => {
  try {
    return textOf(value, use, 0)
  } catch (thrown) {
    if (thrown instanceof RangeError) throw new Unwritable('it is nested too deeply')
    throw thrown
  }
}

/** Where a value is found is only told on the way out, of one that has no text: most have one. */
const within = (thrown: unknown, step: string): unknown => {
  if (!(thrown instanceof Unwritable)) return thrown
  const [, inside = '', problem = ''] = /^(it|\S+) ((?:is|refers) [\s\S]*)$/.exec(thrown.message) ?? []
  if (problem === '') return thrown
  const path = inside === 'it' ? step : inside.startsWith('[') ? `${step}${inside}` : `${step}.${inside}`
  return new Unwritable(`${path} ${problem}`)
}

/** Deeper than this, it is looked whether an object is part of itself; a path that deep is nobody's help. */
const SUSPECT_DEPTH = 200

const textOf = (value: unknown, use: Use, depth: number): string => {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value)
    case 'boolean':
      return value ? 'true' : 'false'
    case 'number':
      // RFC 8785 has no -0 either, but a result is to come back as it was.
      if (Number.isFinite(value))
        return value === 0 && use === 'result' && Object.is(value, -0) ? tagged('number', '"-0"') : `${value + 0}`
      return tagged('number', `"${value}"`)
    case 'bigint':
      return tagged('bigint', `"${value}"`)
    case 'undefined':
      return tagged('undefined', 'true')
    case 'object':
      return value === null ? 'null' : objectText(value, use, depth + 1)
    default:
      throw new Unwritable(`it is a ${typeof value}`)
  }
}

const objectText = (value: object, use: Use, depth: number): string => {
  if (depth === SUSPECT_DEPTH && isPartOfItself(value))
    throw new Unwritable('it refers back to an object it is part of')
  if (Array.isArray(value)) return listText(value, use, depth)
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
    ? membersText(value, use, depth)
    : instanceText(value, use, depth)
}

const instanceText = (value: object, use: Use, depth: number): string => {
  if (value instanceof Date) return tagged('date', JSON.stringify(value.getTime()))
  if (value instanceof Uint8Array) return tagged('bytes', JSON.stringify(base64(value)))
  if (value instanceof ArrayBuffer) return tagged('bytes', JSON.stringify(base64(new Uint8Array(value))))
  if (value instanceof Promise) throw new Unwritable('it is a promise, of which nothing is known before it is awaited')
  if (value instanceof Map) return tagged('map', listText([...value], use, depth))
  if (value instanceof Set) return tagged('set', listText([...value], use, depth))
  if (value instanceof Error) return membersText({ ...value, name: value.name, message: value.message }, use, depth)
  return membersText(value, use, depth)
}

const listText = (list: readonly unknown[], use: Use, depth: number): string => {
  let text = '['
  let index = 0
  try {
    for (; index < list.length; index += 1) text += (index === 0 ? '' : ',') + textOf(list[index], use, depth)
  } catch (thrown) {
    throw within(thrown, `[${index}]`)
  }
  return `${text}]`
}

/** A member that is undefined is not there, as in JSON; what has a toJSON is what that says. */
const membersText = (value: object, use: Use, depth: number): string => {
  const { toJSON } = value as { toJSON?: unknown }
  if (typeof toJSON === 'function') return textOf(toJSON.call(value, ''), use, depth)
  const names = Object.keys(value)
  if (use === 'payload') sortUnlessSorted(names)
  let text = ''
  let isTagged = false
  let name = ''
  try {
    for (name of names) {
      const member = (value as Record<string, unknown>)[name]
      if (member === undefined) continue
      if (name.startsWith('$')) isTagged = true
      text += `${text === '' ? '' : ','}${quoted(name)}:${textOf(member, use, depth)}`
    }
  } catch (thrown) {
    throw within(thrown, name)
  }
  return isTagged ? tagged('object', `{${text}}`) : `{${text}}`
}

/** Names of members come again and again. */
const quotedNames = new Map<string, string>()
const MOST_NAMES = 1_000

const quoted = (name: string): string => {
  const known = quotedNames.get(name)
  if (known !== undefined) return known
  const text = JSON.stringify(name)
  if (quotedNames.size < MOST_NAMES) quotedNames.set(name, text)
  return text
}

const sortUnlessSorted = (names: string[]): void => {
  for (let index = 1; index < names.length; index += 1)
    if ((names[index] as string) < (names[index - 1] as string)) {
      names.sort()
      return
    }
}

/** Whether something in it is among what is above it. */
const isPartOfItself = (value: object, above: ReadonlySet<object> = new Set()): boolean => {
  if (above.has(value)) return true
  const here = new Set(above).add(value)
  return Object.values(value).some(
    member =>
      typeof member === 'object' && member !== null && here.size < 2 * SUSPECT_DEPTH && isPartOfItself(member, here),
  )
}

const tagged = (tag: string, text: string): string => `{"$${tag}":${text}}`

const base64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')

/** The inverse of {@link canonicalText}. Throws for what it did not write. */
export const fromCanonicalText = (text: string): unknown => readValue(JSON.parse(text))

type Members = { readonly [name: string]: unknown }

const READ: Readonly<Record<string, (inner: unknown) => unknown>> = {
  $number: Number,
  $bigint: inner => BigInt(String(inner)),
  $undefined: () => undefined,
  $date: inner => new Date(inner === null ? Number.NaN : Number(inner)),
  $bytes: inner => new Uint8Array(Buffer.from(String(inner), 'base64')),
  $map: inner => new Map(readValue(inner) as [unknown, unknown][]),
  $set: inner => new Set(readValue(inner) as unknown[]),
  $object: inner => membersOf(inner as Members),
}

const readValue = (json: unknown): unknown => {
  if (typeof json !== 'object' || json === null) return json
  if (Array.isArray(json)) return json.map(readValue)
  for (const name in json) {
    const read = name.startsWith('$') ? READ[name] : undefined
    return read ? read((json as Members)[name]) : membersOf(json as Members)
  }
  return {}
}

const membersOf = (json: Members): object =>
  Object.fromEntries(Object.entries(json).map(([name, member]) => [name, readValue(member)]))
