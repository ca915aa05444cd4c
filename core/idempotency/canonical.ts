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

/** Throws {@link Unwritable} for functions, symbols, and objects that contain themselves. */
export const canonicalText = (value: unknown, use: Use = 'payload'): string => {
  try {
    return textOf(value, use, '', [])
  } catch (thrown) {
    if (thrown instanceof RangeError) throw new Unwritable('it is nested too deeply')
    throw thrown
  }
}

const textOf = (value: unknown, use: Use, path: string, above: object[]): string => {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value)
    case 'boolean':
      return value ? 'true' : 'false'
    case 'number':
      // RFC 8785 has no -0 either, but a result is to come back as it was.
      if (Number.isFinite(value))
        return Object.is(value, -0) && use === 'result' ? tagged('number', '"-0"') : `${value + 0}`
      return tagged('number', `"${value}"`)
    case 'bigint':
      return tagged('bigint', `"${value}"`)
    case 'undefined':
      return tagged('undefined', 'true')
    case 'object':
      return value === null ? 'null' : objectText(value, use, path, above)
    default:
      throw new Unwritable(`${at(path)} is a ${typeof value}`)
  }
}

const objectText = (value: object, use: Use, path: string, above: object[]): string => {
  if (above.includes(value)) throw new Unwritable(`${at(path)} refers back to an object it is part of`)
  above.push(value)
  const text = insideText(value, use, path, above)
  above.pop()
  return text
}

const insideText = (value: object, use: Use, path: string, above: object[]): string => {
  if (Array.isArray(value)) return listText(value, use, path, above)
  if (value instanceof Date) return tagged('date', JSON.stringify(value.getTime()))
  if (value instanceof Uint8Array) return tagged('bytes', JSON.stringify(base64(value)))
  if (value instanceof Map) return tagged('map', listText([...value], use, path, above))
  if (value instanceof Set) return tagged('set', listText([...value], use, path, above))
  const { toJSON } = value as { toJSON?: unknown }
  if (typeof toJSON === 'function') return textOf(toJSON.call(value, ''), use, path, above)
  if (value instanceof Error)
    return membersText({ ...value, name: value.name, message: value.message }, use, path, above)
  return membersText(value, use, path, above)
}

const listText = (list: readonly unknown[], use: Use, path: string, above: object[]): string => {
  let text = '['
  for (let index = 0; index < list.length; index += 1)
    text += `${index === 0 ? '' : ','}${textOf(list[index], use, `${path}[${index}]`, above)}`
  return `${text}]`
}

/** A member that is undefined is not there, as in JSON. */
const membersText = (value: object, use: Use, path: string, above: object[]): string => {
  const names = Object.keys(value)
  if (use === 'payload' && names.length > 1) names.sort()
  let text = ''
  let isTagged = false
  for (const name of names) {
    const member = (value as Record<string, unknown>)[name]
    if (member === undefined) continue
    if (name.startsWith('$')) isTagged = true
    text += `${text === '' ? '' : ','}${JSON.stringify(name)}:${textOf(member, use, path === '' ? name : `${path}.${name}`, above)}`
  }
  return isTagged ? tagged('object', `{${text}}`) : `{${text}}`
}

const tagged = (tag: string, text: string): string => `{"$${tag}":${text}}`

const at = (path: string): string => (path === '' ? 'it' : path)

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
