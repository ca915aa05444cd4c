/** What one would write for oneself on amqplib: a function called by hundreds, each hundred acknowledged at once. */
import { consumeBy } from './consume.ts'

export const consume = consumeBy('hundred')
