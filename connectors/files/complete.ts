/** When a file is complete: no system says that a writer is done, only that nothing has been written for a while. */
import type { Found } from './disk.ts'

export interface Growing {
  /** `complete`, or how many milliseconds it has to stay as it is until it is. */
  judge(found: Found, now: Now): 'complete' | number
  /** It is known as it is, or gone. */
  forget(path: Buffer): void
}

export interface Now {
  /** Milliseconds since the epoch, as files have them. */
  readonly wallMs: number
  readonly monotonicMs: number
}

interface Seen {
  readonly size: number
  readonly mtime: number
  readonly sinceMs: number
}

/** A file that was last written long enough ago when it is seen first was written elsewhere, and renamed. */
export const createGrowing = (stableMs: number): Growing => {
  const seen = new Map<string, Seen>()
  return {
    judge({ path, size, mtime }, { wallMs, monotonicMs }) {
      const name = path.toString('latin1')
      const before = seen.get(name)
      const same = before !== undefined && before.size === size && before.mtime === mtime
      // A time of the future says nothing: then only looking twice does.
      const quietMs = Math.max(same ? monotonicMs - before.sinceMs : 0, wallMs - mtime)
      if (quietMs >= stableMs) {
        seen.delete(name)
        return 'complete'
      }
      if (!same) seen.set(name, { size, mtime, sinceMs: monotonicMs })
      return stableMs - quietMs
    },
    forget: path => void seen.delete(path.toString('latin1')),
  }
}
