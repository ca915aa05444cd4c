/**
 * From kafkajs's push to a lane's mailbox. It never waits: it takes what fits, resolves to it and pauses the partition
 * when it is full, so that the fetch loop, and with it the heartbeats, goes on whatever a function does.
 */
import type { EachBatchPayload, KafkaMessage } from 'kafkajs'
import { restoredRecord } from './deferred.ts'
import { type Lane, receive, type Waiting } from './lane.ts'
import { listOf, offsetOf, recordOf } from './record.ts'

export interface Intake {
  readonly address: string
  /** A lane whose mailbox holds this many bytes takes no more; from `resumeBytes` down it is fetched again. */
  readonly fullBytes: number
  readonly resumeBytes: number
  /** Their records are handed out as they were before they were deferred. */
  readonly retryTopics: ReadonlySet<string>
}

export const intakeFor = (address: string, fetchBytes: number, retryTopics: ReadonlySet<string>): Intake => ({
  address,
  retryTopics,
  fullBytes: 4 * fetchBytes,
  resumeBytes: 3 * fetchBytes,
})

/** What the client is to do with the partition next. */
export type Next = 'go on' | 'pause' | { readonly seek: number }

type Payload = Pick<EachBatchPayload, 'batch' | 'resolveOffset'>

export const takeBatch = (intake: Intake, lane: Lane, { batch, resolveOffset }: Payload): Next => {
  // Fetched for an earlier assignment, whose position was another one: skipping to it would lose what is before it.
  const from = (batch as unknown as { readonly fetchedOffset: string | number }).fetchedOffset
  if (offsetOf(String(from)) > lane.tracker.next) return { seek: lane.tracker.next }
  const { messages } = batch
  const last = messages.at(-1)
  if (!last) return 'go on'
  const { taken, seen } = whatFits(intake, lane, messages)
  const reached = messages[seen - 1]
  if (!reached) return 'pause'
  const end = offsetOf(reached === last ? batch.lastOffset() : reached.offset) + 1
  receive(lane, taken, end)
  resolveOffset(reached.offset)
  return lane.mailboxBytes >= intake.fullBytes ? 'pause' : 'go on'
}

/** `seen` counts the messages dealt with, those included that were taken in before. */
const whatFits = (
  { address, fullBytes, retryTopics }: Intake,
  lane: Lane,
  messages: readonly KafkaMessage[],
): { readonly taken: readonly Waiting[]; readonly seen: number } => {
  const place = { topic: lane.topic, partition: lane.partition, address }
  const isRetry = retryTopics.has(lane.topic)
  const taken: Waiting[] = []
  let bytes = lane.mailboxBytes
  let seen = 0
  for (const message of messages) {
    if (bytes >= fullBytes) break
    seen += 1
    const offset = offsetOf(message.offset)
    if (offset < lane.tracker.next) continue
    const size = bytesOf(message)
    const stored = recordOf(place, message)
    const restored = isRetry ? restoredRecord(stored) : undefined
    taken.push(restored ? { offset, bytes: size, ...restored } : { offset, bytes: size, record: stored })
    bytes += size
  }
  return { taken, seen }
}

/** What an empty record costs in memory, roughly. */
const RECORD_BYTES = 256

const bytesOf = ({ key, value, headers }: KafkaMessage): number => {
  let bytes = RECORD_BYTES + (key?.length ?? 0) + (value?.length ?? 0)
  for (const name in headers) for (const value of listOf(headers[name])) bytes += value?.length ?? 0
  return bytes
}
