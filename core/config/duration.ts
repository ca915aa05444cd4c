/** Durations as people write them, `30s` or `5m`; milliseconds everywhere inside. */

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** A number and its unit without a space: '500ms', '30s', '5m', '2h', '7d'. */
export type Duration = `${number}${keyof typeof UNIT_MS}`

const PATTERN = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/

/** Milliseconds, rounded to whole ones; undefined for what is no duration. */
export const parseDuration = (text: unknown): number | undefined => {
  const match = typeof text === 'string' ? PATTERN.exec(text) : null
  if (!match?.[1] || !match[2]) return undefined
  const ms = Math.round(Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS])
  return Number.isSafeInteger(ms) ? ms : undefined
}

/** The shortest way to write a whole number of milliseconds exactly. */
export const formatDuration = (ms: number): string => {
  const units = Object.entries(UNIT_MS).toReversed()
  const [unit, unitMs] = units.find(([, size]) => ms >= size && ms % size === 0) ?? ['ms', 1]
  return ms === 0 ? '0s' : `${ms / unitMs}${unit}`
}
