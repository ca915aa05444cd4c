/** A binary min-heap: what comes next of many things that wait for their time; at one time, what was pushed first. */
export interface Heap<Item> {
  readonly size: number
  push(at: number, item: Item): void
  peek(): { readonly at: number; readonly item: Item } | undefined
  pop(): { readonly at: number; readonly item: Item } | undefined
}

interface Node<Item> {
  readonly at: number
  readonly turn: number
  readonly item: Item
}

export const createHeap = <Item>(): Heap<Item> => {
  const nodes: Node<Item>[] = []
  let turn = 0
  const isBefore = (one: number, other: number): boolean => {
    const [first, second] = [nodes[one], nodes[other]]
    if (!first || !second) return first !== undefined
    return first.at < second.at || (first.at === second.at && first.turn < second.turn)
  }
  const swap = (a: number, b: number): void => {
    const [first, second] = [nodes[a], nodes[b]]
    if (first && second) [nodes[a], nodes[b]] = [second, first]
  }
  return {
    get size() {
      return nodes.length
    },
    push(at, item) {
      turn += 1
      nodes.push({ at, turn, item })
      for (let child = nodes.length - 1; child > 0; ) {
        const parent = (child - 1) >> 1
        if (!isBefore(child, parent)) return
        swap(parent, child)
        child = parent
      }
    },
    peek: () => nodes[0],
    pop() {
      const top = nodes[0]
      const last = nodes.pop()
      if (!top || !last || nodes.length === 0) return top
      nodes[0] = last
      for (let parent = 0; ; ) {
        const left = 2 * parent + 1
        const smaller = isBefore(left + 1, left) ? left + 1 : left
        if (!isBefore(smaller, parent)) return top
        swap(parent, smaller)
        parent = smaller
      }
    },
  }
}
