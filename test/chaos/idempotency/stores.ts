/** Stores of keys, each with a server of its own where it needs one. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPostgres } from '../../support/brokers/postgres.ts'
import { startRedis } from '../../support/brokers/redis.ts'
import type { StoreName } from './places.ts'
import { type IdempotencyReport, runKills } from './run.ts'

export const killStores = async (
  stores: readonly StoreName[],
  repetitions: number,
  say: (line: string) => void,
): Promise<readonly IdempotencyReport[]> => {
  const reports: IdempotencyReport[] = []
  for (const store of stores) {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-kills-'))
    const ends: (() => Promise<void>)[] = [() => rm(folder, { recursive: true, force: true, maxRetries: 5 })]
    try {
      say(`${store}: ${repetitions} kills at each of five moments`)
      const url = await serverFor(store, { after: end => void ends.push(end) })
      const report = await runKills({ store, folder, url }, repetitions)
      say(`${store}: ${report.ok ? 'as promised' : report.broken.join('; ')}, ${report.seconds} s`)
      reports.push(report)
    } finally {
      for (const end of ends.toReversed()) await end()
    }
  }
  return reports
}

const serverFor = async (store: StoreName, scope: { after(end: () => Promise<void>): void }): Promise<string> => {
  if (store === 'redis') return (await startRedis(scope)).url
  return store.startsWith('postgres') ? (await startPostgres(scope)).url : ''
}
