/** Sizes as people write them, `6 MB`; bytes everywhere inside. A KB has 1,024 bytes. */

const UNIT_BYTES = { B: 1, KB: 1_024, MB: 1_024 ** 2, GB: 1_024 ** 3 } as const

/** A number, an optional space and a unit: '6 MB', '512KB', '1 GB'. */
export type Size = `${number}${'' | ' '}${keyof typeof UNIT_BYTES}`

const PATTERN = /^(\d+(?:\.\d+)?) ?(B|KB|MB|GB)$/

/** Bytes, rounded to whole ones; undefined for what is no size. */
export const parseSize = (text: unknown): number | undefined => {
  const match = typeof text === 'string' ? PATTERN.exec(text) : null
  if (!match?.[1] || !match[2]) return undefined
  const bytes = Math.round(Number(match[1]) * UNIT_BYTES[match[2] as keyof typeof UNIT_BYTES])
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

/** The shortest way to write a whole number of bytes exactly. */
export const formatSize = (bytes: number): string => {
  const units = Object.entries(UNIT_BYTES).toReversed()
  const [unit, unitBytes] = units.find(([, size]) => bytes >= size && bytes % size === 0) ?? ['B', 1]
  return `${bytes / unitBytes} ${unit}`
}
