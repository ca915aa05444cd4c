/** The moments at which a process is killed, and what has to be true of a key when its job was done by another one. */
export const POINTS = ['after claim', 'mid-run', 'after the effect', 'after complete', 'before settle'] as const
export type Point = (typeof POINTS)[number]

/** How often the effect has happened in the end: `1`, or `2` where a run was between its effect and its completion. */
export const effectsExpected = (point: Point, mode: 'lease' | 'transaction'): 1 | 2 =>
  mode === 'lease' && point === 'after the effect' ? 2 : 1
