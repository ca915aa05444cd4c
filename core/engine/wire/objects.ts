/**
 * Flat objects of a batch, as positions and properties are, by member: what is the same in all of them is said once,
 * numbers and times are doubles, texts are one text that is cut by their lengths. One by one as JSON they cost either side
 * more than all the rest of a record.
 */
import type { HeaderValue } from '../../contract.ts'
import { textReader } from './columns.ts'

type Flat = Readonly<Record<string, HeaderValue>>
type Constant = string | number | boolean | null

export interface ObjectColumns {
  readonly names: readonly string[]
  /** Of each member; all but `same` take one column of numbers, which for a text has its length. */
  readonly kinds: readonly ('same' | 'number' | 'time' | 'text')[]
  /** Of each member; null where it is not the same in all. */
  readonly same: readonly Constant[]
  /** Of each member; empty where it is no text. */
  readonly texts: readonly string[]
}

export interface EncodedObjects {
  readonly columns: ObjectColumns
  readonly numbers: readonly (readonly number[])[]
}

/** Undefined where they do not all have the same members, of values that can be written so. */
export const encodeObjects = (objects: readonly (Flat | undefined)[]): EncodedObjects | undefined => {
  const valuesOfMembers = transposed(objects)
  if (!valuesOfMembers) return undefined
  const members = [...valuesOfMembers.values()].map(encodeMember)
  if (!members.every(member => member !== undefined)) return undefined
  return {
    columns: {
      names: [...valuesOfMembers.keys()],
      kinds: members.map(({ kind }) => kind),
      same: members.map(({ same }) => same ?? null),
      texts: members.map(({ text }) => text ?? ''),
    },
    numbers: members.flatMap(({ numbers }) => (numbers ? [numbers] : [])),
  }
}

const transposed = (
  objects: readonly (Flat | undefined)[],
): ReadonlyMap<string, readonly HeaderValue[]> | undefined => {
  const [first] = objects
  if (!first) return undefined
  const names = Object.keys(first)
  // A member that an object cannot be given by assigning to it.
  if (names.includes('__proto__')) return undefined
  const values: HeaderValue[][] = names.map(() => [])
  for (const object of objects) {
    let member = 0
    for (const name in object) {
      if (names[member] !== name) return undefined
      values[member]?.push(object[name] as HeaderValue)
      member += 1
    }
    if (object === undefined || member !== names.length) return undefined
  }
  return new Map(names.map((name, member) => [name, values[member] ?? []]))
}

interface Member {
  readonly kind: ObjectColumns['kinds'][number]
  readonly same?: Constant
  readonly numbers?: readonly number[]
  readonly text?: string
}

const encodeMember = (values: readonly HeaderValue[]): Member | undefined => {
  const [first] = values
  if (isConstant(first) && values.every(value => value === first)) return { kind: 'same', same: first }
  if (values.every(value => typeof value === 'number')) return { kind: 'number', numbers: values }
  if (values.every(value => typeof value === 'string'))
    return { kind: 'text', text: values.join(''), numbers: values.map(text => text.length) }
  if (values.every(value => value instanceof Date)) return { kind: 'time', numbers: values.map(date => date.getTime()) }
  return undefined
}

/** JSON carries it as it is. */
const isConstant = (value: HeaderValue | undefined): value is Constant =>
  value === null ||
  typeof value === 'string' ||
  typeof value === 'boolean' ||
  (typeof value === 'number' && Number.isFinite(value) && !Object.is(value, -0))

export const widthOf = (columns: ObjectColumns | undefined): number =>
  columns?.kinds.filter(kind => kind !== 'same').length ?? 0

/** `at` reads a number of the columns. The answer makes the objects, and is to be called for each index in turn. */
export const objectReader = (
  { names, kinds, same, texts }: ObjectColumns,
  at: (column: number, index: number) => number,
): ((index: number) => Record<string, HeaderValue>) => {
  let column = 0
  const readers = kinds.map((kind, member): ((index: number) => HeaderValue) => {
    if (kind === 'same') return () => same[member] ?? null
    const mine = column
    column += 1
    if (kind === 'number') return index => at(mine, index)
    if (kind === 'time') return index => new Date(at(mine, index))
    const next = textReader(texts[member] ?? '')
    return index => next(at(mine, index))
  })
  return index => {
    const object: Record<string, HeaderValue> = {}
    for (let member = 0; member < names.length; member += 1)
      object[names[member] as string] = readers[member]?.(index) ?? null
    return object
  }
}
