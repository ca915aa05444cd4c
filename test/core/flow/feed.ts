/** Sources that say what a test tells them to, for mappings on virtual time. */
import type { Delivery, Settlement, Source } from '../../../core/contract.ts'

export const numbered = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `r${index}`)

export interface Feed {
  readonly source: Source
  readonly settled: Settlement[]
  /** What the next poll answers, or the one that waits. */
  give(...deliveries: readonly Delivery[]): void
}

export const feed = (...first: readonly Delivery[]): Feed => {
  const waiting: (readonly Delivery[])[] = [first]
  const settled: Settlement[] = []
  let wake = (): void => {}
  const source = idleSource({
    async poll({ signal }) {
      if (waiting.length === 0)
        await new Promise<void>(resolve => {
          wake = resolve
          signal.addEventListener('abort', () => resolve())
        })
      return waiting.shift() ?? []
    },
    async settle(settlements) {
      settled.push(...settlements)
      return []
    },
  })
  return {
    source,
    settled,
    give(...deliveries) {
      waiting.push(deliveries)
      wake()
    },
  }
}

export const idleSource = (changes: Partial<Source>): Source => ({
  ordered: false,
  retries: 'core',
  deferStepsMs: [],
  poll: ({ signal }) => new Promise(resolve => signal.addEventListener('abort', () => resolve([]))),
  settle: async () => [],
  pause: async () => {},
  resume: async () => {},
  close: async () => {},
  ...changes,
})
