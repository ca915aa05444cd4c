/** A binary min-heap: what comes next of many things that wait for their time. */
export interface Heap<Item> {
  readonly size: number
  push(at: number, item: Item): void
  peek(): { readonly at: number; readonly item: Item } | undefined
  pop(): { readonly at: number; readonly item: Item } | undefined
}

export const createHeap = <Item>(): Heap<Item> => {
  const nodes: { at: number; item: Item }[] = []
  const at = (index: number): number => nodes[index]?.at ?? Number.POSITIVE_INFINITY
  const swap = (a: number, b: number): void => {
    const [first, second] = [nodes[a], nodes[b]]
    if (first && second) [nodes[a], nodes[b]] = [second, first]
  }
  return {
    get size() {
      return nodes.length
    },
    push(time, item) {
      nodes.push({ at: time, item })
      for (let child = nodes.length - 1; child > 0; ) {
        const parent = (child - 1) >> 1
        if (at(parent) <= at(child)) return
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
        const smaller = at(left + 1) < at(left) ? left + 1 : left
        if (at(smaller) >= at(parent)) return top
        swap(parent, smaller)
        parent = smaller
      }
    },
  }
}
