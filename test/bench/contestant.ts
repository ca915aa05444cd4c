/** One way of doing a bench's job. A contestant is a file that exports one of these; a new one is a new file. */
export interface Contestant {
  readonly name: string
  /** What its ratio to the raw limit should be. */
  readonly aim?: Aim
  /** Once, before the first round; what it starts, `close` ends. `folder` is empty and its own. */
  open(folder: string): Promise<Running>
}

export interface Aim {
  readonly is: 'at most' | 'at least'
  readonly ratio: number
}

export interface Running {
  /** Prepares as much work as it likes, does it, and answers in the bench's unit. */
  round(): Promise<number>
  close(): Promise<void>
}

export interface Bench {
  /** Chosen by all of it, or by what is before a slash. */
  readonly name: string
  /** What a round's number counts: `records/s`, of which more is better, or `µs`. */
  readonly unit: string
  /** Once, before the contestants are opened: what they share, such as a broker. `say` tells what takes its time. */
  open(say: (text: string) => void): Promise<Arena>
}

export interface Arena {
  /** The first is the raw limit that the others are compared with. */
  readonly contestants: readonly Contestant[]
  /** Called after every contestant was closed. */
  close(): Promise<void>
}

/** Contestants that share nothing. */
export const independent = (contestants: readonly Contestant[]): Bench['open'] => {
  const arena: Arena = { contestants, close: async () => undefined }
  return async () => arena
}

/** What one contestant came to over all rounds. */
export interface Result {
  readonly bench: string
  readonly contestant: string
  readonly unit: string
  readonly median: number
  readonly min: number
  readonly max: number
  /** Median of the round by round ratios to the raw limit, so that what slows the machine slows both. */
  readonly ratio: number
  /** The least and the most of these ratios: how noisy the machine was. */
  readonly ratioMin: number
  readonly ratioMax: number
  readonly aim?: Aim & { readonly met: boolean }
}
