/** The moments at which a process is killed, and what has to be true of a key when its job was done by another one. */
export const POINTS = ['after claim', 'mid-run', 'after the effect', 'after complete', 'before settle'] as const
export type Point = (typeof POINTS)[number]

/**
 * How often the effect of each key has happened in the end: once, or twice where its run was between its effect and its
 * completion. Of a batch the process dies at the second key: the first had run, and was perhaps not told of yet.
 */
export const effectsExpected = (
  point: Point,
  { isTransaction, keys, index }: { readonly isTransaction: boolean; readonly keys: number; readonly index: number },
): readonly number[] => {
  if (isTransaction) return [1]
  if (index === victimOf(keys)) return point === 'after the effect' ? [2] : [1]
  return index < victimOf(keys) && (point === 'mid-run' || point === 'after the effect') ? [1, 2] : [1]
}

/** At which of its keys a process dies. */
export const victimOf = (keys: number): number => Math.floor(keys / 2)
