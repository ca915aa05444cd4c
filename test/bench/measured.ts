/** Something promised, as it was measured. */
export interface Measured {
  readonly bench: string
  readonly what: string
  readonly unit: string
  readonly count: number
  readonly p50: number
  readonly p99: number
  readonly bound: string
  readonly holds: boolean
}

export const rowOf = (
  bench: string,
  what: string,
  unit: string,
  values: readonly number[],
  bound: string,
  holds: boolean,
): Measured => ({
  bench,
  what,
  unit,
  count: values.length,
  p50: rounded(quantile(values, 0.5)),
  p99: rounded(quantile(values, 0.99)),
  bound,
  holds,
})

const rounded = (value: number): number => Math.round(10 * value) / 10

/** The value that this part of all is not above; of thirty, the 99th percentile is the greatest. */
export const quantile = (values: readonly number[], part: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN
}
