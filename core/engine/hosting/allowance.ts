/** How much an environment may print: a bucket of lines and characters that fills as time passes. */

const LINES_A_SECOND = 5_000
const CHARS_A_SECOND = 1_048_576
/** What a function that was quiet may print at once. */
const BURST_S = 2

export const ALLOWED = `${LINES_A_SECOND} lines or 1 MB a second`

export interface Allowance {
  readonly lines: number
  readonly chars: number
  /** By the monotonic clock, in milliseconds. */
  readonly atMs: number
}

export const wholeAllowance = (nowMs: number): Allowance => ({
  lines: BURST_S * LINES_A_SECOND,
  chars: BURST_S * CHARS_A_SECOND,
  atMs: nowMs,
})

/** What is left after this line; undefined when it is too much, and then nothing is taken. */
export const takeLine = (before: Allowance, nowMs: number, chars: number): Allowance | undefined => {
  const passedS = (nowMs - before.atMs) / 1_000
  const lines = Math.min(BURST_S * LINES_A_SECOND, before.lines + passedS * LINES_A_SECOND) - 1
  const left = Math.min(BURST_S * CHARS_A_SECOND, before.chars + passedS * CHARS_A_SECOND) - chars
  return lines < 0 || left < 0 ? undefined : { lines, chars: left, atMs: nowMs }
}
