/**
 * What one AMQP channel delivered: first in the mailbox, then claimed, until its tag is settled.
 *
 *   delivered ─▶ mailbox ─▶ claimed ─▶ settled        open tags: mailbox, claimed, and what is being renewed
 */
import type { ConsumeMessage } from 'amqplib'
import type { PollRequest } from '../../core/contract.ts'

export interface Arrived {
  readonly message: ConsumeMessage
  readonly tag: number
  /** By the monotonic clock, in milliseconds. */
  readonly atMs: number
}

export interface Intake {
  /** Delivered and not settled, ascending: the broker delivers in the order of the tags. */
  readonly open: Set<number>
  /** Not yet handed out, oldest first. */
  mailbox: Arrived[]
}

export const createIntake = (): Intake => ({ open: new Set(), mailbox: [] })

export type Want = Pick<PollRequest, 'max' | 'maxPerLane' | 'maxBytes'>

/** Takes the first of the mailbox; a queue is one lane. */
export const takeArrived = (intake: Intake, { max, maxPerLane, maxBytes }: Want): readonly Arrived[] => {
  const most = Math.min(max, maxPerLane)
  let bodyBytes = 0
  let count = 0
  for (const { message } of intake.mailbox) {
    if (count >= most || bodyBytes >= maxBytes) break
    bodyBytes += message.content.length
    count += 1
  }
  return intake.mailbox.splice(0, count)
}

/** Empties the mailbox; the tags in it are still open. */
export const emptyMailbox = (intake: Intake): readonly number[] => {
  const tags = intake.mailbox.map(({ tag }) => tag)
  intake.mailbox = []
  return tags
}
