/** The same with a commit after each hundred: acknowledged as finely as the function is called. */
import { consumeBy } from './eachbatch.ts'

export const consume = consumeBy('hundred')
