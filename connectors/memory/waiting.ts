import type { Context, Delivery, PollRequest } from '../../core/contract.ts'
import type { MemoryChannel } from './log.ts'

export interface Looking {
  readonly take: () => readonly Delivery[]
  readonly isOpen: () => boolean
  /** Milliseconds since the epoch at which something becomes ready by itself; undefined: nothing will. */
  readonly nextDue: () => number | undefined
}

/** Takes until there is something, the time is up, the signal aborts, or the source is no longer open. */
export const pollUntil = async (
  { clock }: Context,
  channel: MemoryChannel,
  request: PollRequest,
  { take, isOpen, nextDue }: Looking,
): Promise<readonly Delivery[]> => {
  const endAtMs = clock.monotonic() + request.waitMs
  for (;;) {
    if (!isOpen() || request.signal.aborted) return []
    const found = take()
    const leftMs = endAtMs - clock.monotonic()
    if (found.length > 0 || leftMs <= 0) return found
    const dueInMs = (nextDue() ?? Number.POSITIVE_INFINITY) - clock.now()
    await changed({ clock }, channel, Math.min(leftMs, Math.max(1, dueInMs)), request.signal)
  }
}

const changed = (
  { clock }: Pick<Context, 'clock'>,
  channel: MemoryChannel,
  ms: number,
  signal: AbortSignal,
): Promise<void> =>
  new Promise(resolve => {
    const done = (): void => {
      cancel()
      channel.listeners.delete(done)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const cancel = clock.after(ms, done)
    channel.listeners.add(done)
    signal.addEventListener('abort', done, { once: true })
  })
