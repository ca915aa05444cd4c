import { Piscina } from 'piscina'

/** One thread and one task at a time, as an environment has it. */
export const openPiscina = records => {
  const pool = new Piscina({
    filename: new URL('piscina-worker.mjs', import.meta.url).href,
    minThreads: 1,
    maxThreads: 1,
    concurrentTasksPerWorker: 1,
  })
  return { call: () => pool.run(records), close: () => pool.destroy() }
}
