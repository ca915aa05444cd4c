/**
 * Two members of a group get records; one is killed with SIGKILL and another takes its place, and the broker is killed and
 * restarted once, all while records are processed. Every record must end as processed or as a dead letter.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../core/clock.ts'
import { startKafka } from '../support/brokers/kafka.ts'
import { until } from '../support/until.ts'
import { type Judgement, judge } from './kafka/effects.ts'
import {
  backlog,
  type Field,
  fieldEffects,
  independent,
  type MemberProcess,
  parkedNumbers,
  sendJobs,
  startMember,
} from './kafka/members.ts'

export interface ChaosReport extends Judgement {
  readonly source: 'kafka'
  readonly records: number
  readonly faults: readonly string[]
  readonly poison: number
  readonly seconds: number
}

const PARTITIONS = 6
const TOPIC = 'jobs'
const PATIENCE = { timeoutMs: 300_000 }

/** `say` is told what happens while it does. */
export const runKafkaChaos = async (records: number, say: (line: string) => void): Promise<ChaosReport> => {
  const ends: (() => Promise<unknown>)[] = []
  const folder = await mkdtemp(join(tmpdir(), 'millrace-chaos-'))
  ends.push(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  try {
    return await run(records, folder, say, end => ends.push(end))
  } finally {
    for (const end of ends.toReversed()) await end()
  }
}

const run = async (
  records: number,
  folder: string,
  say: (line: string) => void,
  after: (end: () => Promise<unknown>) => void,
): Promise<ChaosReport> => {
  const broker = await startKafka({ after })
  const field: Field = { folder, brokers: broker.url, topic: TOPIC }
  const admin = independent(broker.url).admin()
  await admin.connect()
  after(() => admin.disconnect())
  await admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: PARTITIONS }], waitForLeaders: true })
  const members: MemberProcess[] = []
  const start = (name: string): MemberProcess => {
    const member = startMember(field, name)
    members.push(member)
    after(async () => {
      member.signal('SIGKILL')
      await member.ended
    })
    return member
  }
  const processed = (share: number): Promise<true> =>
    until(`${share * 100} % are processed`, () => fieldEffects(field).length >= share * records || undefined, PATIENCE)

  const startedAt = systemClock.monotonic()
  const first = start('first')
  start('second')
  const sent = await sendJobs(field, records)
  say(`${records} records were sent`)
  await processed(0.2)
  first.signal('SIGKILL')
  await first.ended
  say('one member was killed')
  start('third')
  await processed(0.5)
  await broker.restart('SIGKILL')
  say('the broker was killed and restarted')
  await until(
    'nothing is left to commit',
    async () => (await backlog(admin, TOPIC).catch(() => undefined)) === 0 || undefined,
    PATIENCE,
  )
  say('all is committed')
  for (const member of members) member.signal('SIGTERM')
  await Promise.all(members.map(member => member.ended))
  const judgement = judge(sent, fieldEffects(field), await parkedNumbers(members))
  const seconds = Math.round((systemClock.monotonic() - startedAt) / 1_000)
  const faults = ['member SIGKILL', 'broker SIGKILL and restart']
  return { source: 'kafka', records, faults, poison: sent.poison.size, ...judgement, seconds }
}
