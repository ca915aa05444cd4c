/** Delivery tags: which acknowledgements tell the broker of what was finished, in as few frames as is safe. */

/** Frames to send: everything up to a tag at once, and single ones beyond it. */
export interface Frames {
  /** All that is open up to and with this tag; undefined: none. */
  readonly upTo: number | undefined
  /** Ascending. */
  readonly singles: readonly number[]
}

/**
 * `open` are the tags of a channel that were delivered and not settled, ascending; `done`, some of them in any order. One
 * frame for several names everything below it as well: it may only reach to the first one that is still open.
 */
export const framesFor = (open: Iterable<number>, done: ReadonlySet<number>): Frames => {
  let upTo: number | undefined
  for (const tag of open) {
    if (!done.has(tag)) break
    upTo = tag
  }
  const beyond = upTo ?? 0
  return { upTo, singles: [...done].filter(tag => tag > beyond).sort((one, other) => one - other) }
}
