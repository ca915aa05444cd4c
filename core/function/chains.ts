/** What of a batch has to run one after the other; the rest may run side by side. */
import { keyText } from '../values.ts'
import type { FunctionRecord } from './record.ts'

type Keyed = Pick<FunctionRecord, 'key'>

/** Records of one key are one chain, in their order. */
export const chainsByKey = <Record extends Keyed>(batch: readonly Record[]): readonly (readonly Record[])[] => {
  const chains: Record[][] = []
  const byKey = new Map<string, Record[]>()
  for (const record of batch) {
    const key = keyText(record.key)
    const chain = key === null ? undefined : byKey.get(key)
    if (chain) chain.push(record)
    else {
      const fresh = [record]
      chains.push(fresh)
      if (key !== null) byKey.set(key, fresh)
    }
  }
  return chains
}

interface Chain<Record> {
  readonly names: Set<string>
  readonly records: (readonly [index: number, record: Record])[]
}

/** Records that share a key, or a name of another kind, are one chain; the chain of the earliest record comes first. */
export const chainsByBoth = <Record extends Keyed>(
  batch: readonly Record[],
  nameOf: (record: Record) => string | undefined,
): readonly (readonly Record[])[] => {
  const byName = new Map<string, Chain<Record>>()
  const chains = new Set<Chain<Record>>()
  for (const [index, record] of batch.entries()) {
    const [key, name] = [keyText(record.key), nameOf(record)]
    const names = [...(key === null ? [] : [`k${key}`]), ...(name === undefined ? [] : [`n${name}`])]
    const known = new Set(names.flatMap(each => byName.get(each) ?? []))
    const chain: Chain<Record> = { names: new Set(names), records: [[index, record]] }
    for (const other of known) {
      chain.records.push(...other.records)
      for (const each of other.names) chain.names.add(each)
      chains.delete(other)
    }
    chains.add(chain)
    for (const each of chain.names) byName.set(each, chain)
  }
  return [...chains]
    .map(({ records }) => records.sort(([one], [other]) => one - other))
    .sort(([one], [other]) => (one?.[0] ?? 0) - (other?.[0] ?? 0))
    .map(records => records.map(([, record]) => record))
}
