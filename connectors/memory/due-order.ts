/** What waits, in order of (due, offset): a binary heap, so that a hundred thousand records in a test cost little. */
export interface Due {
  /** Milliseconds since the epoch. */
  readonly due: number
  readonly offset: number
}

export const pushDue = <T extends Due>(heap: T[], entry: T): void => {
  let index = heap.push(entry) - 1
  while (index > 0) {
    const parent = (index - 1) >> 1
    const above = heap[parent]
    if (!above || isBefore(above, entry)) break
    heap[index] = above
    index = parent
  }
  heap[index] = entry
}

/** Takes the first out; undefined when there is none. */
export const popDue = <T extends Due>(heap: T[]): T | undefined => {
  const first = heap[0]
  const last = heap.pop()
  if (first === undefined || last === undefined || first === last) return first
  let index = 0
  for (;;) {
    const child = smallerChild(heap, index)
    const below = heap[child]
    if (!below || isBefore(last, below)) break
    heap[index] = below
    index = child
  }
  heap[index] = last
  return first
}

const smallerChild = (heap: readonly Due[], index: number): number => {
  const [left, right] = [heap[2 * index + 1], heap[2 * index + 2]]
  return left && right && isBefore(right, left) ? 2 * index + 2 : 2 * index + 1
}

const isBefore = (a: Due, b: Due): boolean => a.due < b.due || (a.due === b.due && a.offset < b.offset)
