import type { CpuMeans } from '../contract.ts'

/** How the limits of environments are kept here: found out, never assumed. */
export interface LimitMeans {
  /** `sampled`: V8's heap, and private memory looked at all the time. `heap`: only V8's heap. A cgroup comes on top. */
  readonly memory: 'cgroup-v2' | 'cgroup-v1' | 'sampled' | 'heap' | 'none'
  /** `off`: not asked for (cpuShares). `none`: there is no means here. */
  readonly cpu: CpuMeans | 'off' | 'none'
  /** How many processes and threads a function may start. */
  readonly processes: 'cgroup-v2' | 'cgroup-v1' | 'none'
}
