/**
 * Retry topics: where a record waits that is to be tried again much later, and that nothing has to follow. There is one
 * for each step of delay, so that within a topic records are due in the order in which they stand. They are named by
 * topic and group, so that no other group's records come this way.
 *
 *   orders ─▶ claimed ─▶ confirmed in orders.retry.billing.10m, settled in orders ─ 10 min ─▶ claimed again, as it was
 */
import { createHash } from 'node:crypto'
import { formatDuration, parseDuration } from '../../core/config/duration.ts'

export interface RetryTopic {
  readonly topic: string
  readonly stepMs: number
}

/** Kafka's own limit, less what a step takes. */
const LONGEST_PREFIX = 230

/** For one reader: `prefix`, a dot and a duration. */
export const retryTopic = (topic: string, groupId: string, stepMs: number): RetryTopic => ({
  topic: `${prefixOf(topic, groupId)}${formatDuration(stepMs)}`,
  stepMs,
})

/** What a group may be called and a topic may not is left out, and told apart by a hash. */
const prefixOf = (topic: string, groupId: string): string => {
  const whole = `${topic}.retry.${groupId}`
  const legal = whole.replaceAll(/[^\w.-]/g, '-').slice(0, LONGEST_PREFIX)
  if (legal === whole) return `${whole}.`
  const hash = createHash('sha256').update(whole).digest('hex').slice(0, 12)
  return `${legal.slice(0, LONGEST_PREFIX - hash.length - 1)}-${hash}.`
}

/** Those of this reader among the names of topics, also of steps that are not configured any more. */
export const retryTopicsAmong = (names: readonly string[], topic: string, groupId: string): readonly RetryTopic[] => {
  const prefix = prefixOf(topic, groupId)
  return names.flatMap(name => {
    const stepMs = name.startsWith(prefix) ? parseDuration(name.slice(prefix.length)) : undefined
    return stepMs === undefined ? [] : [{ topic: name, stepMs }]
  })
}

/** The topic that keeps a record for at least `delayMs`, beyond the longest step for that. `topics` ascend and are not empty. */
export const stepFor = (topics: readonly RetryTopic[], delayMs: number): RetryTopic | undefined =>
  topics.find(({ stepMs }) => stepMs >= delayMs) ?? topics.at(-1)

/** What a topic must be to keep records for the step: none may be dropped for its key, its age or want of space. */
export const RETENTION_SHARE = 2

/** Settings of a retry topic as the broker has them, and what is wrong with them; undefined: nothing. */
export const settingsProblem = (settings: ReadonlyMap<string, string>, stepMs: number): string | undefined => {
  const retentionMs = Number(settings.get('retention.ms') ?? -1)
  const needsMs = RETENTION_SHARE * stepMs
  if (settings.get('cleanup.policy') !== 'delete')
    return `cleanup.policy must be delete, got ${settings.get('cleanup.policy')}: compaction drops records that wait`
  if (retentionMs >= 0 && retentionMs < needsMs)
    return `retention.ms must be at least ${needsMs}, twice the step, or -1, got ${retentionMs}: records that wait would be dropped`
  if (Number(settings.get('retention.bytes') ?? -1) >= 0)
    return `retention.bytes must be -1, got ${settings.get('retention.bytes')}: records that wait would be dropped`
  return undefined
}

/** How long a topic made by Millrace keeps records that nobody reads. */
const KEPT_MS = 14 * 86_400_000

/** `maxMessageBytes` is the source's: what waits is larger by a header of ours. */
export const settingsFor = (stepMs: number, maxMessageBytes: number): Readonly<Record<string, string>> => ({
  'cleanup.policy': 'delete',
  'retention.ms': String(Math.max(KEPT_MS, RETENTION_SHARE * stepMs)),
  'retention.bytes': '-1',
  'max.message.bytes': String(maxMessageBytes + HEADER_BYTES),
})

const HEADER_BYTES = 64 * 1024
