/** What is wrong with a configuration: collected, never thrown one by one. */
import { inspect } from 'node:util'

/** Reads as a sentence: `mappings.orders.batchSize must be between 1 and 10000, got 0`. */
export interface Problem {
  /** Where, from the top of the configuration: `mappings.orders.batchSize`. */
  readonly path: string
  readonly message: string
}

export const problemText = (problem: Problem): string => `${problem.path} ${problem.message}`

const LONGEST_SHOWN = 60

/** A value as a message shows it: one line, short, secrets as `env(NAME)`, control characters escaped. */
export const show = (value: unknown): string => {
  const text =
    typeof value === 'function' ? 'a function' : inspect(value, { depth: 1, breakLength: Number.POSITIVE_INFINITY })
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text
}
