/**
 * The same bench on one core. Whether the two sides of a round trip share a core is the scheduler's choice, and on an idle virtual
 * machine it is worth more than all else: waking the other core costs 40 µs of 55. Here it has none.
 */
import { spawnSync } from 'node:child_process'
import type { Bench } from '../contestant.ts'

const CORE = '0'

export const onOneCore = (bench: Bench): Bench => ({
  ...bench,
  name: `${bench.name}-one-core`,
  async open(say) {
    const before = allowedCores()
    if (before === undefined || !useCores(CORE))
      say(`${bench.name}-one-core: not pinned, because there is no taskset here`)
    const { contestants, close } = await bench.open(say)
    return {
      contestants,
      async close() {
        await close()
        if (before !== undefined) useCores(before)
      },
    }
  },
})

/** All threads of this process; what it starts from now on inherits them. */
const useCores = (list: string): boolean =>
  spawnSync('taskset', ['--all-tasks', '--cpu-list', '--pid', list, String(process.pid)]).status === 0

const allowedCores = (): string | undefined => {
  const { status, stdout } = spawnSync('taskset', ['--cpu-list', '--pid', String(process.pid)], { encoding: 'utf8' })
  return status === 0 ? /: (\S+)\s*$/.exec(stdout)?.[1] : undefined
}
