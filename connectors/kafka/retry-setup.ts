/** Retry topics as they must be before a source is opened: there, and unable to lose what waits in them. */
import { formatDuration } from '../../core/config/duration.ts'
import type { ChannelRef } from '../../core/contract.ts'
import { MillraceError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import type { KafkaAdmin } from './lag.ts'
import { type RetryTopic, retryTopic, retryTopicsAmong, settingsFor, settingsProblem } from './retry-topics.ts'

export interface RetrySetup {
  readonly admin: KafkaAdmin
  readonly log: Log
  readonly channel: ChannelRef
  readonly groupId: string
  /** Whether what is missing may be made. */
  readonly missing: 'create' | 'refuse'
}

export interface RetryTopics {
  /** Where records are deferred to, by step, ascending; none: the source cannot defer. */
  readonly steps: readonly RetryTopic[]
  /** All that are to be read: also those of steps that were taken out of the configuration, which may hold records. */
  readonly read: readonly RetryTopic[]
}

/** Rejects when a topic is missing and must not be made, or could lose records. */
export const prepareRetryTopics = async (setup: RetrySetup): Promise<RetryTopics> => {
  const { admin, channel, groupId, log } = setup
  const names = await admin.names()
  const found = retryTopicsAmong(names, channel.name, groupId)
  const steps = stepsOf(channel).map(stepMs => retryTopic(channel.name, groupId, stepMs))
  for (const step of steps) {
    if (!names.includes(step.topic)) await make(setup, step)
    const problem = settingsProblem(await admin.settings(step.topic), step.stepMs)
    if (problem) throw refused(channel, `the retry topic ${step.topic}: ${problem}`)
  }
  const former = found.filter(({ topic }) => !steps.some(step => step.topic === topic))
  for (const { topic } of former) log.info(`${topic} is of an earlier configuration; what waits in it is still read`)
  return { steps, read: [...steps, ...former] }
}

/** Validation has seen them, and made milliseconds of them. */
const stepsOf = ({ options }: ChannelRef): readonly number[] =>
  (options.retrySteps as readonly number[] | undefined) ?? []

const make = async ({ admin, channel, log, missing }: RetrySetup, { topic, stepMs }: RetryTopic): Promise<void> => {
  const partitions = await admin.partitions(channel.name)
  const settings = settingsFor(stepMs, Number((await admin.settings(channel.name)).get('max.message.bytes') ?? 0))
  if (missing === 'refuse') {
    const wanted = Object.entries(settings).map(([name, value]) => `${name}=${value}`)
    throw refused(
      channel,
      `the retry topic ${topic} does not exist; create it with ${partitions} partitions and ${wanted.join(', ')}, or set createTopics: true on the connection`,
    )
  }
  await admin.create(topic, partitions, settings)
  log.info(`made the retry topic ${topic} for records that wait ${formatDuration(stepMs)}`, { topic, partitions })
}

const refused = ({ address }: ChannelRef, what: string): MillraceError =>
  new MillraceError('SOURCE_FAILED', `reading ${address}: ${what}`)
