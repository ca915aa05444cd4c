/**
 * kafkajs 2.2.4 looks for requests that wait even where none does, by timers for moments that have passed; since Node 24
 * each makes the process print a TimeoutNegativeWarning (kafkajs#1751). The cause is mended where it is: nothing is
 * looked for where nothing waits. Warnings of others stay visible.
 */
import { createRequire } from 'node:module'

interface RequestQueue {
  readonly pending: readonly unknown[]
  scheduleCheckPendingRequests(): void
}

const require = createRequire(import.meta.url)
let mended: 'yes' | 'no' = 'no'

export const mendTimers = (): void => {
  if (mended === 'yes') return
  mended = 'yes'
  const queue = requestQueue()
  const schedule = queue?.scheduleCheckPendingRequests
  if (!queue || typeof schedule !== 'function') return
  queue.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.pending.length > 0) schedule.call(this)
  }
}

/** Undefined in a kafkajs that is built in another way: its warnings are then only noise. */
const requestQueue = (): RequestQueue | undefined => {
  try {
    return (require('kafkajs/src/network/requestQueue') as { readonly prototype: RequestQueue }).prototype
  } catch {
    return undefined
  }
}
