/** Mistakes put into a mapping on purpose: the simulation must see each of them. */
import type { Delivery, EventRecord, Settlement, Source } from '../../core/contract.ts'
import type { Report, Slot } from '../../core/engine/contract.ts'
import { errorInfo } from '../../core/errors.ts'
import type { FilterVerdict } from '../../core/flow/filter.ts'
import type { Tools } from '../../core/flow/flow.ts'
import type { Plant } from './process.ts'

const withSource =
  (change: (source: Source) => Partial<Source>): Plant =>
  (tools, spec) => ({
    spec,
    tools: {
      ...tools,
      openSource: async signal => {
        const source = await tools.openSource(signal)
        return { ...source, ...change(source) }
      },
    },
  })

const withInvoke = (tools: Tools, invoke: (slot: Slot) => Slot['invoke']): Tools => ({
  ...tools,
  engine: {
    ...tools.engine,
    async acquire(...asked) {
      const slot = await tools.engine.acquire(...asked)
      return slot && { release: slot.release, invoke: invoke(slot) }
    },
  },
})

const polled = (change: (deliveries: readonly Delivery[]) => readonly Delivery[]): Plant =>
  withSource(source => ({ poll: async request => change(await source.poll(request)) }))

const settled = (change: (settlements: readonly Settlement[]) => readonly Settlement[]): Plant =>
  withSource(source => ({ settle: settlements => source.settle(change(settlements)) }))

const reported = (change: (report: Report, ids: readonly string[]) => Report): Plant => {
  return (tools, spec) => ({
    spec,
    tools: withInvoke(
      tools,
      slot => async invocation =>
        change(
          await slot.invoke(invocation),
          invocation.records.map(({ record }) => record.id),
        ),
    ),
  })
}

const acknowledgeEarly: Plant = (tools, spec, { broker }) => {
  const claims = (ids: readonly string[]) =>
    [...broker.lanes.values()]
      .flat()
      .flatMap(({ planned, claim }) => (claim && ids.includes(planned.id) ? [claim] : []))
  return {
    spec,
    tools: withInvoke(tools, slot => invocation => {
      for (const claim of claims(invocation.records.map(({ record }) => record.id)))
        broker.settle(claim.session, [{ delivery: claim.delivery, outcome: 'accepted' }])
      return slot.invoke(invocation)
    }),
  }
}

const judged =
  (change: (verdict: FilterVerdict) => FilterVerdict): Plant =>
  (tools, spec) => {
    const { filter } = tools
    if (!filter) return { tools, spec }
    const ask = (record: EventRecord) => {
      try {
        return filter(record)
      } catch (error) {
        return { error: errorInfo(error) }
      }
    }
    return {
      spec,
      tools: {
        ...tools,
        filter: record => {
          const verdict = ask(record)
          return verdict instanceof Promise
            ? verdict.catch(error => ({ error: errorInfo(error) })).then(change)
            : change(verdict)
        },
      },
    }
  }

const withoutDue = ([mapping, source, entries]: Remembering): Remembering => [
  mapping,
  source,
  entries.map(({ id, attempts }) => ({ id, attempts })),
]

type Remembering = Parameters<Tools['store']['remember']>

const nameAnother = (report: Report, ids: readonly string[]): Report => {
  const { outcome } = report
  if (outcome.kind !== 'answered' || typeof outcome.value !== 'object' || outcome.value === null) return report
  const { batchItemFailures } = outcome.value as { batchItemFailures: readonly { itemIdentifier: string }[] }
  const refused = new Set(outcome.refused.map(({ id }) => id))
  const innocent = ids.find(id => !refused.has(id) && batchItemFailures.every(item => item.itemIdentifier !== id))
  if (innocent === undefined) return report
  return {
    ...report,
    outcome: { ...outcome, value: { batchItemFailures: [...batchItemFailures, { itemIdentifier: innocent }] } },
  }
}

export const PLANTS: Readonly<Record<string, Plant>> = {
  'acknowledge early': acknowledgeEarly,
  'drop one': polled(deliveries => deliveries.filter(({ record }) => record.id !== 'r3')),
  reorder: polled(deliveries => deliveries.toReversed()),
  'commit past a failure': reported(report =>
    report.outcome.kind === 'answered' ? { ...report, outcome: { ...report.outcome, value: undefined } } : report,
  ),
  'commit what was given back': settled(settlements =>
    settlements.map(({ delivery, outcome }) =>
      outcome === 'released' || outcome === 'deferred'
        ? { delivery, outcome: 'accepted' }
        : ({ delivery, outcome } as Settlement),
    ),
  ),
  'settle twice': settled(settlements => [...settlements, ...settlements.slice(0, 1)]),
  'leak credit': (tools, spec) => ({
    spec,
    tools: { ...tools, sharedBytes: { ...tools.sharedBytes, release: bytes => tools.sharedBytes.release(bytes - 1) } },
  }),
  'charge a neighbour': reported(nameAnother),
  'retry without delay': (tools, spec) => ({
    spec: { ...spec, policy: { ...spec.policy, backoff: { ...spec.policy.backoff, initialMs: 0, maxMs: 0 } } },
    tools,
  }),
  'try before its time': (tools, spec) => ({
    spec,
    tools: { ...tools, store: { ...tools.store, remember: (...asked) => tools.store.remember(...withoutDue(asked)) } },
  }),
  'forget what stopped': (tools, spec) => ({
    spec,
    tools: { ...tools, store: { ...tools.store, stopped: async () => new Set() } },
  }),
  'reject before parking': (tools, spec) => ({
    spec,
    tools: { ...tools, store: { ...tools.store, park: async () => 'parked' } },
  }),
  'invoke what is filtered': judged(verdict => (verdict === 'filtered' ? 'matches' : verdict)),
  'pass over what cannot be read': judged(verdict => (typeof verdict === 'object' ? 'filtered' : verdict)),
  'pass over what matches': judged(verdict => (verdict === 'matches' ? 'filtered' : verdict)),
  'invoke twice at once': (tools, spec) => ({
    spec,
    tools: withInvoke(tools, slot => async invocation => {
      const [report] = await Promise.all([slot.invoke(invocation), slot.invoke(invocation)])
      return report
    }),
  }),
}
