/** Ids of requests: of the form of a UUID, the first half drawn once for this process, the last digits counted. */
import { randomUUID } from 'node:crypto'

const COUNTED_DIGITS = 12
const drawn = randomUUID().slice(0, -COUNTED_DIGITS)
let counted = 0

/** Unique in this process and, as far as 74 random bits go, anywhere. A drawn one costs a microsecond more. */
export const newId = (): string => {
  counted += 1
  return drawn + counted.toString(16).padStart(COUNTED_DIGITS, '0')
}
