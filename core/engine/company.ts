/**
 * How many environments have something to do at once. Who stays awake for the next message (linger.ts) takes a processor from
 * others, so that is only done while there is one for each of them and one for the host.
 */
export interface Company {
  /** An environment that had nothing has something; answers whether a processor is left for each. */
  join(): 'few' | 'many'
  leave(): void
}

/** For a host that may use so many processors; 1: nobody ever stays awake. */
export const createCompany = (processors: number): Company => {
  let busy = 0
  return {
    join() {
      busy += 1
      return busy < processors ? 'few' : 'many'
    },
    leave() {
      busy -= 1
    },
  }
}
