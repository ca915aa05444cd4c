/** An answer of ours in which failed events are named by their own ids. */
import type { ForeignAnswer, Member } from '../shape.ts'

/**
 * As strict as format `millrace`, and with all it can say. `itemIdentifier` is the event's `id`, or its `recordid`, which
 * no two events of a batch share.
 */
export const cloudEventsAnswer = (value: unknown, members: readonly Member[]): ForeignAnswer => {
  if (!isObject(value) || !Array.isArray(value.batchItemFailures)) return { ok: true, value }
  const list: readonly unknown[] = value.batchItemFailures
  const called = membersCalled(members)
  const failures: unknown[] = []
  for (const [index, entry] of list.entries()) {
    const name: unknown = isObject(entry) ? entry.itemIdentifier : undefined
    const named = typeof name === 'string' ? called(name) : []
    if (named.length > 1)
      return {
        ok: false,
        problem: `the function's answer: batchItemFailures[${index}].itemIdentifier ${JSON.stringify(name)} names ${named.length} events of the batch; name them by their recordid`,
      }
    failures.push(isObject(entry) && named[0] ? { ...entry, itemIdentifier: named[0].id } : entry)
  }
  return { ok: true, value: { ...value, batchItemFailures: failures } }
}

const membersCalled = (members: readonly Member[]): ((name: string) => readonly Member[]) => {
  const byName = Map.groupBy(members, member => member.name)
  const byId = Map.groupBy(members, member => member.id)
  return name => [...new Set([...(byName.get(name) ?? []), ...(byId.get(name) ?? [])])]
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
