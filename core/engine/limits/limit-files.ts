/** What has to be written into the files of a cgroup; the two versions of the kernel's interface differ in nothing else. */
import type { Controller } from './hierarchies.ts'
import type { Quota } from './share.ts'

export type CgroupVersion = 1 | 2

export interface LimitFile {
  readonly name: string
  readonly text: string
  /** Not there on every kernel, and not needed where it is not. */
  readonly optional: boolean
}

/** As many as Lambda gives: processes and threads together. */
const MAX_TASKS = 1_024
const BYTES_PER_MB = 1_048_576

/** Those that hold from the start; CPU is left whole until Init is over. */
export const startLimits = (controller: Controller, version: CgroupVersion, memoryMb: number): readonly LimitFile[] => {
  const bytes = String(Math.floor(memoryMb * BYTES_PER_MB))
  if (controller === 'pids') return [needed('pids.max', String(MAX_TASKS))]
  if (controller === 'cpu') return []
  // In this order: memory and swap together may not be less than memory.
  if (version === 1) return [needed('memory.limit_in_bytes', bytes), optional('memory.memsw.limit_in_bytes', bytes)]
  return [needed('memory.max', bytes), optional('memory.swap.max', '0'), optional('memory.oom.group', '1')]
}

export const cpuLimits = (version: CgroupVersion, { quotaUs, periodUs }: Quota): readonly LimitFile[] =>
  version === 1
    ? [needed('cpu.cfs_period_us', String(periodUs)), needed('cpu.cfs_quota_us', String(quotaUs))]
    : [needed('cpu.max', `${quotaUs} ${periodUs}`)]

/** The file that counts what the kernel killed in a group for its memory. */
export const oomFile = (version: CgroupVersion): string => (version === 1 ? 'memory.oom_control' : 'memory.events')

/** Its `oom_kill` line; 0 where a kernel does not count. */
export const oomKills = (text: string): number => Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0)

const needed = (name: string, text: string): LimitFile => ({ name, text, optional: false })
const optional = (name: string, text: string): LimitFile => ({ name, text, optional: true })
