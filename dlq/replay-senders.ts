/** Senders for a mapping whose letters came from many places: one for each place of which something is to be replayed. */
import { sleep } from '../core/clock.ts'
import { errorInfo } from '../core/errors.ts'
import { type ReplaySender, replaySender, type SenderOptions } from './replay-sender.ts'
import type { LetterStore } from './store.ts'

/** How soon a replay from a new place is noticed. */
const LOOK_MS = 1_000

export const replaySenders = (store: LetterStore, mapping: string, options: SenderOptions): ReplaySender => {
  const senders = new Map<string, ReplaySender>()
  const stopping = new AbortController()
  let state: 'open' | 'paused' = 'open'
  let running: Promise<void> | undefined

  const look = async (): Promise<void> => {
    const jobs = await store.jobs({ state: 'running' })
    for (const part of jobs.flatMap(({ parts }) => parts)) {
      if (part.mapping !== mapping || part.state === 'done' || senders.has(part.source)) continue
      const sender = replaySender(store, mapping, part.source, options)
      senders.set(part.source, sender)
      if (state === 'paused') sender.pause()
      sender.start()
    }
  }
  const work = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await look().catch(error =>
        options.log.warn('replays cannot be looked for; tried again soon', {
          mapping,
          error: errorInfo(error).message,
        }),
      )
      await sleep(options.clock, LOOK_MS, stopping.signal)
    }
  }
  const each = (act: 'pause' | 'resume'): void => {
    state = act === 'pause' ? 'paused' : 'open'
    for (const sender of senders.values()) sender[act]()
  }
  return {
    start() {
      running ??= work()
    },
    pause: () => each('pause'),
    resume: () => each('resume'),
    async stop() {
      stopping.abort()
      await running
      await Promise.all([...senders.values()].map(sender => sender.stop()))
    },
  }
}
