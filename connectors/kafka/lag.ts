/** What the broker says of topics and groups, asked beside the consumers. */
import kafkajs, { type Admin } from 'kafkajs'
import { type Clock, sleep } from '../../core/clock.ts'
import type { Check, Lag } from '../../core/contract.ts'
import { errorInfo } from '../../core/errors.ts'
import { kafkaError } from './failure.ts'
import type { Lane } from './lane.ts'
import { offsetOf } from './record.ts'
import { unfinished } from './tracker.ts'

/** One admin client of a connection, connected when it is first needed. Every question rejects with what to do. */
export interface KafkaAdmin {
  /** How many partitions the topic has. */
  partitions(topic: string): Promise<number>
  /** Those of these topics in which the group has a position. */
  positioned(group: string, topics: readonly string[]): Promise<readonly string[]>
  /** The end of each partition: the offset of the record that comes next. */
  ends(topic: string): Promise<ReadonlyMap<number, number>>
  /** All topics this user may see. */
  names(): Promise<readonly string[]>
  /** The settings of a topic as the broker has them, its defaults included. */
  settings(topic: string): Promise<ReadonlyMap<string, string>>
  /** Resolves when the topic can be used; one that was made by somebody else meanwhile is left as it is. */
  create(topic: string, partitions: number, settings: Readonly<Record<string, string>>): Promise<void>
  check(): Promise<Check>
  close(): Promise<void>
}

/** How long brokers may take to hear of a topic that one of them has made, and how often they are asked. */
const THERE_WITHIN_MS = 10_000
const ASK_EVERY_MS = 100

export const createAdmin = (name: string, open: () => Admin, clock: Clock): KafkaAdmin => {
  let connected: Promise<Admin> | undefined
  const connect = (): Promise<Admin> => {
    connected ??= connectNew().catch(error => {
      connected = undefined
      throw error
    })
    return connected
  }
  const connectNew = async (): Promise<Admin> => {
    const admin = open()
    try {
      await admin.connect()
      return admin
    } catch (error) {
      await admin.disconnect()
      throw error
    }
  }
  const ask = async <Answer>(where: string, question: (admin: Admin) => Promise<Answer>): Promise<Answer> => {
    try {
      return await question(await connect())
    } catch (error) {
      throw kafkaError('SOURCE_FAILED', where, error)
    }
  }
  return {
    partitions: topic =>
      ask(`looking for the topic ${name}/${topic}`, async admin => {
        const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
        return topics.find(found => found.name === topic)?.partitions.length ?? 0
      }),
    positioned: (groupId, topics) =>
      ask(`asking for positions of ${groupId}`, async admin => {
        if (topics.length === 0) return []
        const offsets = await admin.fetchOffsets({ groupId, topics: [...topics] })
        return offsets
          .filter(({ partitions }) => partitions.some(({ offset }) => offset !== '-1'))
          .map(each => each.topic)
      }),
    ends: topic =>
      ask(`asking for the end of ${name}/${topic}`, async admin => {
        const offsets = await admin.fetchTopicOffsets(topic)
        return new Map(offsets.map(({ partition, high }) => [partition, offsetOf(high)]))
      }),
    names: () => ask(`listing the topics of ${name}`, admin => admin.listTopics()),
    settings: topic =>
      ask(`asking for the settings of ${name}/${topic}`, async admin => {
        const { resources } = await admin.describeConfigs({
          includeSynonyms: false,
          resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic }],
        })
        const entries = resources.flatMap(({ configEntries }) => configEntries)
        return new Map(entries.map(({ configName, configValue }) => [configName, configValue]))
      }),
    create: (topic, numPartitions, settings) =>
      ask(`making the topic ${name}/${topic}`, async admin => {
        const configEntries = Object.entries(settings).map(([key, value]) => ({ name: key, value }))
        // Its own waiting for leaders gives up where a broker has not heard of the topic yet.
        await admin.createTopics({ topics: [{ topic, numPartitions, configEntries }], waitForLeaders: false })
        await untilThere(admin, topic, clock)
      }),
    async check() {
      const check = `kafka ${name}`
      try {
        const { brokers } = await ask(check, admin => admin.describeCluster())
        return { name: check, ok: true, detail: `${brokers.length} broker(s) answer` }
      } catch (error) {
        return { name: check, ok: false, detail: errorInfo(error).message }
      }
    },
    async close() {
      const admin = await connected?.catch(() => undefined)
      await admin?.disconnect()
    },
  }
}

/** Resolves when each partition answers for itself; rejects with what was said last, where that takes too long. */
const untilThere = async (admin: Admin, topic: string, clock: Clock): Promise<void> => {
  const giveUpAt = clock.monotonic() + THERE_WITHIN_MS
  for (;;) {
    try {
      await admin.fetchTopicOffsets(topic)
      return
    } catch (error) {
      if (clock.monotonic() > giveUpAt) throw error
      await sleep(clock, ASK_EVERY_MS)
    }
  }
}

export const laneLag = async (admin: KafkaAdmin, lanes: readonly Lane[]): Promise<readonly Lag[]> => {
  const ofTopics = [...Map.groupBy(lanes, ({ topic }) => topic)].map(async ([topic, ofTopic]) => {
    const ends = await admin.ends(topic)
    return ofTopic.map(lane => {
      const records = unfinished(lane.tracker, ends.get(lane.partition) ?? 0)
      const oldest = oldestTime(lane)
      return { lane: lane.name, records, ...(records > 0 && oldest !== undefined ? { oldest } : {}) }
    })
  })
  return (await Promise.all(ofTopics)).flat()
}

const oldestTime = ({ claims, mailbox }: Lane): number | undefined => {
  const [first] = claims.members().toSorted((one, other) => one.offset - other.offset)
  return (first ?? mailbox[0])?.record.time
}
