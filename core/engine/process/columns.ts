/** Values of the records of a batch, one after the other; a value that all of them share stands once. */

/** A list that is as long as the batch, or the one value of all. */
export type Column<Value> = readonly Value[] | Value

export const toColumn = <Value extends string | number>(values: readonly Value[]): Column<Value> => {
  const first = values[0]
  if (first === undefined) return values
  for (const value of values) if (value !== first) return values
  return first
}

/** The value at `index`; `missing` where the column is too short or was left out. */
export const fromColumn = <Value extends string | number>(
  column: Column<Value> | undefined,
  index: number,
  missing: Value,
): Value => (isList(column) ? (column[index] ?? missing) : (column ?? missing))

const isList = <Value extends string | number>(column: Column<Value> | undefined): column is readonly Value[] =>
  Array.isArray(column)

/** Numbers that are close to each other, as the first and how far each is from it: short to write and quick to read. */
export interface Offsets {
  readonly base: number
  readonly offsets: Column<number>
}

export const toOffsets = (values: readonly number[]): Offsets => {
  const base = values[0] ?? 0
  return { base, offsets: toColumn(values.map(value => value - base)) }
}

/** What every text has before the text of another column that it ends in, if that is one and the same. */
export const commonPrefix = (texts: readonly string[], ends: readonly string[]): string | undefined => {
  const prefix = (texts[0] ?? '').slice(0, (texts[0] ?? '').length - (ends[0] ?? '').length)
  for (let index = 0; index < texts.length; index += 1) {
    const text = texts[index] as string
    const end = ends[index] as string
    if (text.length !== prefix.length + end.length || !text.startsWith(prefix) || !text.endsWith(end)) return undefined
  }
  return prefix
}
