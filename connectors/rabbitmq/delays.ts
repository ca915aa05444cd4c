/**
 * Records that wait at the broker: a queue for each step of delay, beside the queue they go back to.
 *
 *   orders ─▶ claimed ─▶ confirmed in orders.delay.15s ── 15 s ──▶ orders
 *
 * A message expires only at the head of a queue, hence a queue for each step. They are quorum queues that dead-letter at
 * least once, refuse what they have no room for, and never expire: what is confirmed in one comes back.
 */
import type { Clock } from '../../core/clock.ts'
import type { EventRecord } from '../../core/contract.ts'
import { MillraceError } from '../../core/errors.ts'
import type { BrokerVersion, Link, Opened } from './connection.ts'
import { type Message, sameMessage, type Travelling } from './message.ts'
import type { QueuePlan } from './plan.ts'
import { createPublisher, type Outcome, type Publisher } from './publisher.ts'
import { declareLasting } from './topology.ts'
import { isAtLeast } from './version.ts'

const STEPS: readonly (readonly [ms: number, name: string])[] = [
  [1_000, '1s'],
  [5_000, '5s'],
  [15_000, '15s'],
  [60_000, '1m'],
  [300_000, '5m'],
  [900_000, '15m'],
  [3_600_000, '1h'],
]

export const LONGEST_DELAY_MS = 3_600_000

/** The delays this broker can keep: none before 3.10, whose dead-lettering may lose what it moves. */
export const delayStepsMs = (server: BrokerVersion): readonly number[] =>
  isAtLeast(server, 3, 10) ? STEPS.map(([ms]) => ms) : []

/** The delay queues of one queue. */
export interface Delays {
  /** Where to wait for at least `delayMs`, beyond the longest step for that. */
  step(delayMs: number): DelayStep
  /** Waits for what is under way. May be called twice. */
  close(): Promise<void>
}

export interface DelayStep {
  readonly queue: string
  readonly publisher: Publisher
}

export interface DelayTools {
  readonly clock: Clock
  /** The connection for writing. */
  readonly link: Link
  readonly sendTimeoutMs: number
}

/** Each delay queue is declared when it is first needed. */
export const createDelays = (queue: string, tools: DelayTools): Delays => {
  const steps = new Map<number, DelayStep>()
  const open = (delayMs: number, name: string): DelayStep => {
    const plan = delayPlan(queue, delayMs, name)
    const publisher = createPublisher({
      ...tools,
      where: `delaying in the queue ${plan.queue}`,
      prepare: opened => prepare(tools.clock, opened, plan),
    })
    return { queue: plan.queue, publisher }
  }
  return {
    step(wantedMs) {
      const [delayMs, name] = STEPS.find(([ms]) => ms >= wantedMs) ?? (STEPS.at(-1) as (typeof STEPS)[number])
      const step = steps.get(delayMs) ?? open(delayMs, name)
      steps.set(delayMs, step)
      return step
    },
    close: async () => void (await Promise.all([...steps.values()].map(({ publisher }) => publisher.close()))),
  }
}

export interface Deferral {
  readonly record: EventRecord
  readonly travelling: Travelling
  readonly delayMs: number
}

/** Null for each that is durable in a delay queue. It comes back with what travels with it, otherwise as it is. */
export const defer = (delays: Delays, deferrals: readonly Deferral[]): Promise<readonly Outcome[]> =>
  publishEach(
    deferrals.map(({ record, travelling, delayMs }) => {
      const { queue, publisher } = delays.step(delayMs)
      return {
        publisher,
        message: sameMessage(record, { exchange: '', routingKey: queue }, travelling, { delayedBy: queue }),
      }
    }),
  )

/** Publishes each where it belongs, those of one publisher together; the outcomes in the order of the messages. */
export const publishEach = async (
  addressed: readonly { readonly publisher: Publisher; readonly message: Message }[],
): Promise<readonly Outcome[]> => {
  const outcomes = new Map<Message, Outcome>()
  const groups = Map.groupBy(addressed, ({ publisher }) => publisher)
  await Promise.all(
    [...groups].map(async ([publisher, group]) => {
      const messages = group.map(({ message }) => message)
      for (const [index, outcome] of (await publisher.publish(messages)).entries())
        outcomes.set(messages[index] as Message, outcome)
    }),
  )
  return addressed.map(({ message }) => outcomes.get(message) ?? null)
}

const prepare = async (clock: Clock, opened: Opened, plan: QueuePlan): Promise<void> => {
  if (!isAtLeast(opened.server, 3, 10))
    throw new MillraceError(
      'SEND_FAILED',
      `a delay needs RabbitMQ 3.10 or later, got ${opened.server.product} ${opened.server.version}; leave it out`,
    )
  await declareLasting(clock, opened, plan, 'SEND_FAILED')
}

const delayPlan = (queue: string, delayMs: number, name: string): QueuePlan => ({
  queue: `${queue}.delay.${name}`,
  messageId: 'unique',
  declare: {
    durable: true,
    arguments: {
      'x-queue-type': 'quorum',
      'x-message-ttl': delayMs,
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': queue,
      'x-dead-letter-strategy': 'at-least-once',
      'x-overflow': 'reject-publish',
    },
    wishes: [],
    exchanges: [],
    bindings: [],
  },
})
