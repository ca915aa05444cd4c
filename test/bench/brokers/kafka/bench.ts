import { startKafka } from '../../../support/brokers/kafka.ts'
import type { Bench } from '../../contestant.ts'
import { brokerArena } from '../arena.ts'
import { peer } from '../peers.ts'
import { openField } from './field.ts'

const here = (file: string): string => `${import.meta.dirname}/${file}`

export const kafka: Bench = {
  name: 'kafka',
  unit: 'records/s',
  open: brokerArena({
    startBroker: startKafka,
    openField,
    measured: 180_000,
    entrants: [
      { name: 'raw kafkajs, a commit for each eachBatch', module: here('raw.ts') },
      { name: 'raw kafkajs, a commit for each hundred', module: here('raw-by-hundreds.ts') },
      { name: 'millrace inline', module: here('millrace-inline.ts') },
      { name: 'millrace process', module: here('millrace-process.ts') },
      { name: 'NestJS microservices', module: peer('nestjs-kafka.mjs') },
      { name: 'message-queue-toolkit', module: peer('message-queue-toolkit-kafka.mjs') },
    ],
  }),
}
