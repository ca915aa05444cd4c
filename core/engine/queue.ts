/** Who waits for an environment of one function: mappings take turns, and within a mapping the first comes first. */
export interface TurnQueue<Waiter> {
  readonly size: number
  add(mapping: string, waiter: Waiter): void
  /** The next in turn, or undefined when nobody waits. */
  next(): Waiter | undefined
  remove(mapping: string, waiter: Waiter): void
}

export const turnQueue = <Waiter>(): TurnQueue<Waiter> => {
  /** A Map keeps its order of insertion: whoever had a turn is put back at the end. */
  const byMapping = new Map<string, Waiter[]>()
  let size = 0
  return {
    get size() {
      return size
    },
    add(mapping, waiter) {
      const waiting = byMapping.get(mapping)
      if (waiting) waiting.push(waiter)
      else byMapping.set(mapping, [waiter])
      size += 1
    },
    next() {
      const [turn] = byMapping
      if (!turn) return undefined
      const [mapping, waiting] = turn
      const waiter = waiting.shift()
      byMapping.delete(mapping)
      if (waiting.length > 0) byMapping.set(mapping, waiting)
      size -= 1
      return waiter
    },
    remove(mapping, waiter) {
      const waiting = byMapping.get(mapping)
      const index = waiting?.indexOf(waiter) ?? -1
      if (!waiting || index < 0) return
      waiting.splice(index, 1)
      if (waiting.length === 0) byMapping.delete(mapping)
      size -= 1
    },
  }
}
