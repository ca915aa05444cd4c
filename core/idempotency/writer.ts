/** What became of the claims of a batch, told in as few round trips as that takes: one, where the batch is quick. */
import type { Cancel, Clock } from '../clock.ts'
import type { ClaimWrite, IdempotencyStore } from '../idempotency-store.ts'
import { writeSurely } from './writing.ts'

export interface Writer {
  /** `told` is called with what the store answered, or with what it failed with. */
  add(write: ClaimWrite, told: (answer: 'held' | 'lost' | { readonly failed: unknown }) => void): void
  /** Resolves when everything added so far was told. Never rejects. */
  flush(): Promise<void>
}

export interface WriterParts {
  readonly store: Pick<IdempotencyStore, 'write'>
  readonly clock: Clock
  /** Until when it is worth trying again, by the monotonic clock. */
  readonly giveUpAt: () => number
}

/** How long a completed record may wait for others: the longer, the more would run again after a crash. */
const GATHER_MS = 20

type Added = readonly [write: ClaimWrite, told: Parameters<Writer['add']>[1]]

export const createWriter = ({ store, clock, giveUpAt }: WriterParts): Writer => {
  let added: Added[] = []
  let writing: Promise<void> = Promise.resolve()
  let cancel: Cancel | undefined

  const writeAll = async (): Promise<void> => {
    const now = added
    if (now.length === 0) return
    added = []
    try {
      const answers = await writeSurely(
        store,
        now.map(([write]) => write),
        { clock, giveUpAt: giveUpAt() },
      )
      for (const [index, [, told]] of now.entries()) told(answers[index] ?? 'lost')
    } catch (failed) {
      for (const [, told] of now) told({ failed })
    }
  }
  const flush = (): Promise<void> => {
    cancel?.()
    cancel = undefined
    writing = writing.then(writeAll)
    return writing
  }
  return {
    add(write, told) {
      added.push([write, told])
      cancel ??= clock.after(GATHER_MS, () => void flush())
    },
    flush,
  }
}
