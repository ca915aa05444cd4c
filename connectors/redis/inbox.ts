/** What was published and waits for the function: bounded, because Redis keeps nothing and sends on whether or not it fits. */

export interface Published {
  /** Counted from 0 by this process. */
  readonly number: number
  /** Where it was published; of a pattern, the channel that matched. */
  readonly channel: string
  readonly body: Uint8Array
  /** Milliseconds since the epoch at which it came, by this process's clock. */
  readonly at: number
  readonly attempts: number
}

export interface Inbox {
  /** False when it does not fit: it is dropped. */
  add(published: Published): boolean
  /** What was given back comes before what is new, and always fits: it was held already. */
  giveBack(published: readonly Published[]): void
  /** At most so many, up to so many bytes; one may always come. */
  take(max: number, maxBytes: number): readonly Published[]
  readonly size: number
}

export const createInbox = (maxRecords: number, maxBytes: number): Inbox => {
  const fresh: Published[] = []
  let first = 0
  let back: Published[] = []
  let bytes = 0

  const shift = (): Published | undefined => {
    const returned = back.shift()
    if (returned) return returned
    const next = fresh[first]
    if (!next) return undefined
    first += 1
    // Shifting one by one costs the whole length each time; the gap at the head is closed when it is half of it.
    if (first * 2 > fresh.length) {
      fresh.splice(0, first)
      first = 0
    }
    return next
  }
  const size = (): number => back.length + fresh.length - first
  return {
    add(published) {
      const isEmpty = size() === 0
      if (!isEmpty && (size() >= maxRecords || bytes + published.body.length > maxBytes)) return false
      fresh.push(published)
      bytes += published.body.length
      return true
    },
    giveBack(published) {
      back = [...back, ...published].sort((one, other) => one.number - other.number)
      for (const { body } of published) bytes += body.length
    },
    take(max, wantedBytes) {
      const taken: Published[] = []
      let takenBytes = 0
      while (taken.length < max && takenBytes < wantedBytes) {
        const next = shift()
        if (!next) break
        taken.push(next)
        takenBytes += next.body.length
      }
      bytes -= takenBytes
      return taken
    },
    get size() {
      return size()
    },
  }
}
