/**
 * What one would write for oneself on kafkajs: the function is given each fetched batch by hundreds, and the batch is
 * committed after it. kafkajs's own fetch sizes (1 MB of a partition, which are Millrace's as well), and the partitions
 * one after the other, which is its default.
 */
import { consumeBy } from './eachbatch.ts'

export const consume = consumeBy('fetch')
