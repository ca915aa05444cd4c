/** A run with a broker of its own; what happens is told on stderr. */
import { startKafka } from '../../support/brokers/kafka.ts'
import { startRabbit } from '../../support/brokers/rabbitmq.ts'
import type { Kind } from './config.ts'
import { type ReplayReport, runReplayChaos } from './run.ts'

export const replayChaos = async (kind: Kind, letters: number, kills: number): Promise<ReplayReport> => {
  const ends: (() => Promise<void>)[] = []
  const scope = { after: (end: () => Promise<void>) => void ends.push(end) }
  try {
    const broker = await (kind === 'kafka' ? startKafka : startRabbit)(scope)
    const say = (line: string): void => void process.stderr.write(`${line}\n`)
    return await runReplayChaos({ kind, broker, letters, kills, restart: true, say })
  } finally {
    for (const end of ends.toReversed()) await end()
  }
}
