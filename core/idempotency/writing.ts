/** Telling a store what became of claims, for as long as that is worth something. */
import { type Clock, sleep } from '../clock.ts'
import type { ClaimWrite, IdempotencyStore, WriteAnswer } from '../idempotency-store.ts'

const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 1_000

/**
 * Writes, and again while the store does not answer, until `giveUpAt` by the monotonic clock: the function has run, and
 * each try that is left out here is a run too many later. Rejects with what the store said last.
 */
export const writeSurely = async (
  store: Pick<IdempotencyStore, 'write'>,
  writes: readonly ClaimWrite[],
  { clock, giveUpAt }: { readonly clock: Clock; readonly giveUpAt: number },
): Promise<readonly WriteAnswer[]> => {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    try {
      return await store.write(writes)
    } catch (thrown) {
      if (clock.monotonic() + pauseMs > giveUpAt) throw thrown
      await sleep(clock, pauseMs)
    }
  }
}
