/**
 * A thousand patterns on a hundred thousand events: every pattern on every event of a sample, beside a comparison written by
 * hand for each pattern. Rows of `slowest match` count how many of the dearest pattern's matches fit into a second: at
 * least 1,000 of them means that none takes more than a millisecond.
 */
import { compileFilter, type Filter } from '../../../core/filter/index.ts'
import { type Bench, type Contestant, independent } from '../contestant.ts'

const PATTERNS = 1_000
const EVENTS = 100_000
/** Of all pairs of a pattern and an event: each event meets so many patterns in a round. */
const PATTERNS_PER_EVENT = 20

interface Order {
  readonly data: { readonly state: string; readonly total: number; readonly items: readonly { readonly sku: string }[] }
  readonly key: string
}

const STATES = ['new', 'paid', 'sent', 'returned']
const events: readonly Order[] = Array.from({ length: EVENTS }, (_, index) => ({
  data: {
    state: STATES[index % 4] ?? '',
    total: index % 997,
    items: [{ sku: `s-${index % 89}` }, { sku: `t-${index % 83}` }],
  },
  key: `customer-${index % 1_009}`,
}))

const patternOf = (index: number): object => ({
  data: {
    state: [STATES[index % 4], STATES[(index + 1) % 4]],
    total: [{ numeric: ['>=', index % 500] }],
    items: { sku: [{ prefix: `s-${index % 10}` }] },
  },
  key: [{ suffix: String(index % 10) }],
})

const handWritten = (index: number): ((event: Order) => boolean) => {
  const states = [STATES[index % 4], STATES[(index + 1) % 4]]
  const [least, prefix, suffix] = [index % 500, `s-${index % 10}`, String(index % 10)]
  return ({ data, key }) =>
    states.includes(data.state) &&
    data.total >= least &&
    data.items.some(({ sku }) => sku.startsWith(prefix)) &&
    key.endsWith(suffix)
}

const contestant = (name: string, make: (index: number) => (event: Order) => boolean): Contestant => ({
  name,
  async open() {
    const matchers = Array.from({ length: PATTERNS }, (_, index) => make(index))
    return {
      async round() {
        const startedMs = performance.now()
        let matched = 0
        for (const [index, event] of events.entries())
          for (let turn = 0; turn < PATTERNS_PER_EVENT; turn += 1)
            if (matchers[(index * 7 + turn * 51) % PATTERNS]?.(event)) matched += 1
        if (matched === 0) throw new Error('nothing matched: the bench measures nothing')
        return (EVENTS * PATTERNS_PER_EVENT * 1_000) / (performance.now() - startedMs)
      },
      async close() {},
    }
  },
})

/** Each as dear as its kind can be: an event of 6 KB, and a pattern of about the size that EventBridge takes. */
const DEAR: Readonly<Record<string, { readonly filter: Filter; readonly event: unknown }>> = {
  wildcards: {
    filter: compileFilter({ a: [{ wildcard: `*${'a*'.repeat(500)}b` }] }),
    event: { a: 'a'.repeat(6_000) },
  },
  'alternatives of $or': {
    filter: compileFilter({ $or: Array.from({ length: 1_000 }, (_, index) => ({ a: { b: [index + 1] } })) }),
    event: { a: { b: 0 } },
  },
  'lists of objects': {
    filter: compileFilter({ a: { b: { c: Array.from({ length: 100 }, (_, index) => index + 1) } } }),
    event: { a: Array.from({ length: 20 }, () => ({ b: Array.from({ length: 20 }, () => ({ c: 0 })) })) },
  },
  values: {
    filter: compileFilter({ a: Array.from({ length: 1_000 }, (_, index) => ({ prefix: `x${index}` })) }),
    event: { a: 'y'.repeat(6_000) },
  },
}

const SLOW_MATCHES = 200

const dear = ([name, { filter, event }]: (typeof entries)[number]): Contestant => ({
  name: `dearest ${name}`,
  open: async () => ({
    async round() {
      const startedMs = performance.now()
      for (let turn = 0; turn < SLOW_MATCHES; turn += 1) if (filter.matches(event)) throw new Error('it must not match')
      return (SLOW_MATCHES * 1_000) / (performance.now() - startedMs)
    },
    async close() {},
  }),
})
const entries = Object.entries(DEAR)

export const filter: Bench = {
  name: 'filter',
  unit: 'matches/s',
  open: independent([
    contestant('written by hand', handWritten),
    contestant('millrace/filter', index => {
      const compiled = compileFilter(patternOf(index))
      return event => compiled.matches(event)
    }),
    ...entries.map(dear),
  ]),
}
