import type { Scope } from '../../../support/brokers/broker.ts'
import { startRedis } from '../../../support/brokers/redis.ts'
import type { Bench } from '../../contestant.ts'
import { brokerArena } from '../arena.ts'
import { peer } from '../peers.ts'
import { openField } from './field.ts'

const here = (file: string): string => `${import.meta.dirname}/${file}`

export const redis: Bench = {
  name: 'redis',
  unit: 'records/s',
  open: brokerArena({
    // Synced each second, as Redis does by default where it writes a log at all: otherwise the disk is measured.
    startBroker: (scope: Scope) => startRedis(scope, { settings: { appendfsync: 'everysec' } }),
    openField,
    measured: 80_000,
    entrants: [
      { name: 'raw XREADGROUP COUNT 100 and XACK', module: here('raw.ts') },
      { name: 'millrace inline', module: here('millrace-inline.ts') },
      { name: 'millrace process', module: here('millrace-process.ts') },
      { name: 'BullMQ', module: peer('bullmq.mjs'), field: 'own' },
    ],
  }),
}
