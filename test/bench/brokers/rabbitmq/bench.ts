import { startRabbit } from '../../../support/brokers/rabbitmq.ts'
import type { Bench } from '../../contestant.ts'
import { brokerArena } from '../arena.ts'
import { peer } from '../peers.ts'
import { openField } from './field.ts'

const here = (file: string): string => `${import.meta.dirname}/${file}`

export const rabbitmq: Bench = {
  name: 'rabbitmq',
  unit: 'records/s',
  open: brokerArena({
    startBroker: startRabbit,
    openField,
    measured: 40_000,
    entrants: [
      { name: 'raw amqplib, a multiple acknowledgement for each hundred', module: here('raw.ts') },
      { name: 'raw amqplib, each acknowledged', module: here('raw-each.ts') },
      { name: 'millrace inline', module: here('millrace-inline.ts') },
      { name: 'millrace process', module: here('millrace-process.ts') },
      { name: 'NestJS microservices', module: peer('nestjs-rabbitmq.mjs') },
      { name: 'rascal', module: peer('rascal.mjs') },
      { name: 'message-queue-toolkit', module: peer('message-queue-toolkit-amqp.mjs') },
    ],
  }),
}
