/** The same with every record acknowledged by itself. */
import { consumeBy } from './consume.ts'

export const consume = consumeBy('each')
