/** Numbers of the records of a batch, one after the other; one that all of them share stands once. */

/** A list that is as long as the batch, or the one value of all. */
export type Column = readonly number[] | number

export const toColumn = (values: readonly number[]): Column => {
  const first = values[0]
  if (first === undefined) return values
  for (const value of values) if (value !== first) return values
  return first
}

/** The value at `index`; `missing` where the column is too short or was left out. */
export const fromColumn = (column: Column | undefined, index: number, missing: number): number =>
  isList(column) ? (column[index] ?? missing) : (column ?? missing)

const isList = (column: Column | undefined): column is readonly number[] => Array.isArray(column)

/** Numbers that are close to each other, as the first and how far each is from it: short to write and quick to read. */
export interface Offsets {
  readonly base: number
  readonly offsets: Column
}

export const toOffsets = (values: readonly number[]): Offsets => {
  const base = values[0] ?? 0
  return { base, offsets: toColumn(values.map(value => value - base)) }
}
