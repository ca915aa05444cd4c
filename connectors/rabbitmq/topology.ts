/** Declaring queues and exchanges: the same twice is once; one that is there and different is an error that says how. */
import type { Channel } from 'amqplib'
import { type Clock, sleep } from '../../core/clock.ts'
import { type ErrorCode, errorInfo, MillraceError } from '../../core/errors.ts'
import { openChannel } from './amqp.ts'
import type { Opened } from './connection.ts'
import { rabbitError, replyCode } from './failure.ts'
import type { ExchangePlan, QueueDeclaration, QueuePlan } from './plan.ts'
import { tableOut } from './values.ts'

/** Whether an error of this code is for a source, where trying again may not help, or for a sender. */
export type Code = Extract<ErrorCode, 'SOURCE_FAILED' | 'SEND_FAILED' | 'SETTLE_FAILED'>

/** The queue with its exchanges and bindings is there. Rejects with what is in the way, fatal if it stays there. */
export const declareQueue = async (opened: Opened, { queue, declare }: QueuePlan, code: Code): Promise<void> => {
  if (declare === undefined) return checkQueue(opened, queue, code)
  for (const exchange of declare.exchanges) await declareExchange(opened, exchange, code)
  await assertQueue(opened, queue, declare, code)
  for (const { exchange, key, arguments: wanted } of declare.bindings)
    await onChannel(
      opened,
      channel => channel.bindQueue(queue, exchange, key, tableOut(Object.entries(wanted))),
      thrown => rabbitError(code, `binding the queue ${queue} to the exchange ${exchange}`, thrown),
    )
}

/**
 * A node that is killed within a second after it made a quorum queue comes back with one that answers nobody, and what it
 * has confirmed for it is gone (seen with 3.10).
 */
const NEW_QUEUE_MS = 2_000

/** Like {@link declareQueue}, and resolves when the queue outlives a kill of its broker. */
export const declareLasting = async (clock: Clock, opened: Opened, plan: QueuePlan, code: Code): Promise<void> => {
  const isNew = await checkQueue(opened, plan.queue, code).then(
    () => false,
    error => replyCode((error as MillraceError).cause) === NOT_FOUND,
  )
  await declareQueue(opened, plan, code)
  if (isNew) await sleep(clock, NEW_QUEUE_MS)
}

/** The queue is there, whatever its arguments are. */
export const checkQueue = (opened: Opened, queue: string, code: Code): Promise<void> =>
  onChannel(
    opened,
    channel => channel.checkQueue(queue),
    thrown => rabbitError(code, `the queue ${queue}`, thrown),
  )

export const declareExchange = (opened: Opened, { exchange, declare }: ExchangePlan, code: Code): Promise<void> => {
  const what = `the exchange ${exchange}`
  if (declare === undefined) return checkExchange(opened, exchange, code)
  const { type, durable } = declare
  return onChannel(
    opened,
    channel =>
      channel.assertExchange(exchange, type, { durable, arguments: tableOut(Object.entries(declare.arguments)) }),
    thrown => different(code, what, thrown) ?? rabbitError(code, `declaring ${what}`, thrown),
  ).catch(error => orIsThere(error, () => checkExchange(opened, exchange, code)))
}

const checkExchange = (opened: Opened, exchange: string, code: Code): Promise<void> =>
  onChannel(
    opened,
    channel => channel.checkExchange(exchange),
    thrown => rabbitError(code, `the exchange ${exchange}`, thrown),
  )

const assertQueue = async (
  opened: Opened,
  queue: string,
  { durable, arguments: all, wishes }: QueueDeclaration,
  code: Code,
): Promise<void> => {
  const what = `the queue ${queue}`
  const assert = (without: readonly string[]): Promise<void> => {
    const wanted = Object.entries(all).filter(([name]) => !without.includes(name))
    return onChannel(
      opened,
      channel => channel.assertQueue(queue, { durable, arguments: tableOut(wanted) }),
      thrown => different(code, what, thrown) ?? rabbitError(code, `declaring ${what}`, thrown),
    )
  }
  try {
    await assert([])
  } catch (error) {
    const other = inequivalent((error as MillraceError).cause)?.argument
    if (other !== undefined && wishes.includes(other)) return assert(wishes)
    await orIsThere(error, () => checkQueue(opened, queue, code))
  }
}

/** Who may not declare may still use what others have declared. */
const orIsThere = async (error: unknown, check: () => Promise<void>): Promise<void> => {
  if (replyCode((error as MillraceError).cause) !== ACCESS_REFUSED) throw error
  await check().catch(() => {
    throw error
  })
}

const ACCESS_REFUSED = 403
const NOT_FOUND = 404
const PRECONDITION_FAILED = 406

interface Inequivalent {
  readonly argument: string
  /** As RabbitMQ puts it: `'5'`, `none`. */
  readonly wanted: string
  readonly declared: string
}

/** What of a declaration is not as it was declared before; undefined where that was not the trouble. */
export const inequivalent = (thrown: unknown): Inequivalent | undefined => {
  if (replyCode(thrown) !== PRECONDITION_FAILED) return undefined
  const said = INEQUIVALENT.exec(errorInfo(thrown).message)
  const [, argument = '', wanted = '', declared = ''] = said ?? []
  return said ? { argument, wanted, declared } : undefined
}

const INEQUIVALENT = /inequivalent arg '([^']+)' for .*?: received (.*?) but current is (.*?)(?:"|$)/

const different = (code: Code, what: string, thrown: unknown): MillraceError | undefined => {
  const found = inequivalent(thrown)
  if (found === undefined) return undefined
  return new MillraceError(
    code === 'SOURCE_FAILED' ? 'SOURCE_FATAL' : code,
    `${what} is there with another ${found.argument}: expected ${found.wanted}, got ${found.declared}; declare it as it is, or delete it at the broker`,
    { cause: thrown, fatal: true },
  )
}

/** A refusal closes the AMQP channel it happens on: each question has one of its own. */
const onChannel = async (
  opened: Opened,
  ask: (channel: Channel) => Promise<unknown>,
  failure: (thrown: unknown) => MillraceError,
): Promise<void> => {
  const { channel, close } = await openChannel(opened.model).catch(thrown => {
    throw failure(thrown)
  })
  try {
    await ask(channel)
  } catch (thrown) {
    throw failure(thrown)
  } finally {
    await close()
  }
}
