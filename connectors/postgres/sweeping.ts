/** Settled rows that are kept go when their time is over, some at once, so that nobody waits for it. */
import type { Cancel, Clock } from '../../core/clock.ts'
import { errorInfo } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import type { Postgres } from '../../core/postgres.ts'
import { type Claiming, removeSettled } from './claims.ts'

const EVERY_MS = 60_000
const AT_ONCE = 1_000

/** Does nothing where no rows are kept. */
export const startSweeping = (
  { postgres, clock, log }: { readonly postgres: Postgres; readonly clock: Clock; readonly log: Log },
  { address }: { readonly address: string },
  claiming: Claiming,
): Cancel => {
  const { keepMs } = claiming
  if (keepMs === undefined) return () => {}
  let stopped: 'no' | 'yes' = 'no'
  let cancel: Cancel = () => {}
  const sweep = async (): Promise<void> => {
    try {
      while (stopped === 'no' && (await removeSettled(postgres, claiming, { keepMs, max: AT_ONCE })) === AT_ONCE);
    } catch (error) {
      log.warn(`${address}: settled rows could not be removed; it is tried again`, { error: errorInfo(error) })
    }
    if (stopped === 'no') cancel = clock.after(Math.min(EVERY_MS, keepMs), () => void sweep())
  }
  void sweep()
  return () => {
    stopped = 'yes'
    cancel()
  }
}
