import type { Clock } from '../clock.ts'

/** What `promise` comes to, or a rejection with `error()` when that takes longer than `ms`. */
export const within = <T>(clock: Clock, ms: number, promise: Promise<T>, error: () => Error): Promise<T> =>
  new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => reject(error()))
    promise.then(resolve, reject).finally(cancel)
  })

/** Resolves when `promise` does, or after `ms`, whichever is first. */
export const atMost = (clock: Clock, ms: number, promise: Promise<unknown>): Promise<void> =>
  new Promise((resolve, reject) => {
    const cancel = clock.after(ms, resolve)
    promise.then(() => resolve(), reject).finally(cancel)
  })
