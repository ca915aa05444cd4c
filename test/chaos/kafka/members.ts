/** Members of the group as processes, the records they get, and what became of these. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import kafkajs, { type Admin, type Kafka } from 'kafkajs'
import { createApp } from 'millrace'
import { type Effect, effectsIn, type Sent } from './effects.ts'

export const GROUP = 'chaos'

export interface Field {
  readonly folder: string
  readonly brokers: string
  readonly topic: string
}

export interface MemberProcess {
  readonly pid: number
  readonly stateDir: string
  signal(signal: NodeJS.Signals): void
  /** All it has written so far. */
  output(): string
  readonly ended: Promise<void>
}

/** `millrace start` as a process of its own. */
export const startMember = (field: Field, name: string): MemberProcess => {
  const stateDir = join(field.folder, name)
  mkdirSync(stateDir)
  const child = spawn(
    process.execPath,
    ['core/cli/main.ts', 'start', '--plain', '--config', 'test/chaos/kafka/millrace.config.ts'],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        NODE_TEST_CONTEXT: undefined,
        CHAOS_BROKERS: field.brokers,
        CHAOS_TOPIC: field.topic,
        CHAOS_STATE: stateDir,
        CHAOS_EFFECTS: effectsFile(field),
      },
    },
  )
  const pieces: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece: Buffer) => pieces.push(piece))
  let over = false
  const ended = once(child, 'exit').then(() => {
    over = true
  })
  return {
    pid: child.pid ?? -1,
    stateDir,
    signal: signal => {
      if (!over) child.kill(signal)
    },
    output: () => Buffer.concat(pieces).toString(),
    ended,
  }
}

const effectsFile = ({ folder }: Field): string => join(folder, 'effects')

export const fieldEffects = (field: Field): readonly Effect[] => effectsIn(effectsFile(field))

export const independent = (brokers: string): Kafka =>
  new kafkajs.Kafka({ clientId: 'chaos', brokers: [brokers], logLevel: kafkajs.logLevel.NOTHING })

const SENT_AT_ONCE = 1_000
const KEYS = 97
const POISON_EVERY = 4_999

/** Sends numbered records; of every 4,999 one fails for ever, and one is no JSON. */
export const sendJobs = async (field: Field, records: number): Promise<Sent> => {
  const producer = independent(field.brokers).producer({
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    idempotent: true,
  })
  await producer.connect()
  const poison = new Set<number>()
  const messageOf = (n: number) => {
    const kind = n % POISON_EVERY === 17 ? 'fails' : n % POISON_EVERY === 18 ? 'no JSON' : 'good'
    if (kind !== 'good') poison.add(n)
    const value = kind === 'no JSON' ? `not JSON ${n}` : JSON.stringify(kind === 'fails' ? { n, fails: true } : { n })
    return { key: `key-${n % KEYS}`, value }
  }
  for (let from = 0; from < records; from += SENT_AT_ONCE) {
    const count = Math.min(SENT_AT_ONCE, records - from)
    const messages = Array.from({ length: count }, (_, index) => messageOf(from + index))
    await producer.send({ topic: field.topic, acks: -1, messages })
  }
  await producer.disconnect()
  return { records, poison }
}

/** How many records of the topic the group has not committed; rejects while the broker is away. */
export const backlog = async (admin: Admin, topic: string): Promise<number> => {
  const [found] = await admin.fetchOffsets({ groupId: GROUP, topics: [topic] })
  const ends = await admin.fetchTopicOffsets(topic)
  return ends.reduce((sum, { partition, high }) => {
    const offset = Number(found?.partitions.find(each => each.partition === partition)?.offset ?? -1)
    return sum + Number(high) - Math.max(0, offset)
  }, 0)
}

/** The numbers of the records that the members parked. */
export const parkedNumbers = async (members: readonly MemberProcess[]): Promise<ReadonlySet<number>> => {
  const numbers = new Set<number>()
  for (const { stateDir } of members) {
    const app = createApp({ name: 'reader', stateDir, mappings: {} })
    for (const { id } of await app.deadLetters.list({ limit: 100_000 })) {
      const { letter } = await app.deadLetters.show(id)
      const text = Buffer.from(letter.record.body ?? []).toString()
      numbers.add(text.startsWith('not JSON ') ? Number(text.slice(9)) : Number(JSON.parse(text).n))
    }
    await app.stop()
  }
  return numbers
}
