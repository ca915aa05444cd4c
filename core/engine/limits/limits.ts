/**
 * What keeps environments within their limits beside what their isolation does by itself: the means are looked for once,
 * never assumed, and said in the status.
 *
 *   memory, processes   cgroup 2 → cgroup 1 → nothing more than the sampling of memory and the process group
 *   CPU, if asked for   cgroup 2 → cgroup 1 → stop and continue → nice → nothing
 */
import { setPriority } from 'node:os'
import type { Clock } from '../../clock.ts'
import { errorInfo } from '../../errors.ts'
import type { Log } from '../../log.ts'
import type { CpuMeans, FunctionSpec, Report } from '../contract.ts'
import { cpuTimeMs, createDuty, type Duty } from './duty.ts'
import { createGroup } from './group.ts'
import type { Controller } from './hierarchies.ts'
import { removeLeftovers } from './leftovers.ts'
import type { CgroupVersion } from './limit-files.ts'
import type { LimitMeans } from './means.ts'
import { type CgroupPlace, findPlaces, removeGroup } from './places.ts'
import { cpuShareOf, nicenessOf, quotaOf } from './share.ts'
import { killStrays } from './strays.ts'
import { type Keeper, openWorkspace } from './workspace.ts'

export interface LimitsParts {
  /** Told of all that is to be removed if this process should be killed. */
  readonly reaper: Keeper
  readonly app: string
  readonly clock: Clock
  readonly log: Log
  readonly cpuShares: 'on' | 'off'
  /** What may be used. Default: everything there is. */
  readonly means?: readonly CpuMeans[]
}

export interface Limits {
  readonly means: LimitMeans
  /** Looks for the means and makes the folders that all environments share, so that the first start has not to wait for it. */
  prepare(): void
  /** For a process that is about to be started. Throws what the file system throws when there is no room for its folder. */
  confine(environment: { readonly id: string; readonly memoryMb: number }): Confinement
  /** Resolves when nothing of it is left. */
  close(): Promise<void>
}

/** How those of a function are kept, by these means; what runs somewhere else, or in a container, is not kept by us. */
export const meansOf = (
  { isolation, code }: Pick<FunctionSpec, 'isolation' | 'code'>,
  { means }: Limits,
): LimitMeans => {
  if ('url' in code || 'image' in code) return { memory: 'none', cpu: 'none', processes: 'none' }
  if (isolation === 'process') return means
  return { memory: isolation === 'thread' ? 'heap' : 'none', cpu: 'none', processes: 'none' }
}

/** The share of CPU that a function is held to; undefined where it has all there is. */
export const cpuOf = (spec: FunctionSpec, limits: Limits): Report['cpu'] | undefined => {
  const { cpu } = meansOf(spec, limits)
  return cpu === 'off' || cpu === 'none' ? undefined : { cores: cpuShareOf(spec.memoryMb), by: cpu }
}

/** The limits of one environment's process, and of all that it starts. */
export interface Confinement {
  /** The environment's own, with `tmp` in it. */
  readonly folder: string
  /** The environment's id, where the process was started before it was known. */
  rename(id: string): void
  /** To be awaited before code of the user runs. Never rejects: a limit that cannot be set is logged. */
  enter(pid: number): Promise<void>
  /** Init is over: from now on it has its share of CPU. */
  ready(): void
  /** It was given a request; it has answered one. */
  busy(): void
  idle(): void
  /** Whether the kernel killed something in it for its memory. */
  ranOutOfMemory(): boolean
  /** SIGKILL to what has left the process group too, where there is a cgroup. */
  kill(): void
  /** The process has ended, or could not be started: what is left of it is killed and removed. */
  leave(): void
}

const ALL_MEANS: readonly CpuMeans[] = ['cgroup-v2', 'cgroup-v1', 'duty-cycle', 'nice']

export const openLimits = (parts: LimitsParts): Limits => {
  const { clock, log } = parts
  const allowed = parts.means ?? ALL_MEANS
  const versions = ([2, 1] as const).filter(version => allowed.includes(`cgroup-v${version}`))
  let found: { readonly places: readonly CgroupPlace[]; readonly means: LimitMeans } | undefined
  const find = () => {
    found ??= detect(parts, versions, allowed)
    return found
  }
  const workspace = openWorkspace(parts.app, parts.reaper)
  const leaving = new Set<Promise<void>>()

  const confine: Limits['confine'] = ({ id: firstId, memoryMb }) => {
    const { places, means } = find()
    const group = places.length > 0 ? createGroup(places, firstId) : undefined
    let id = firstId
    const share = cpuShareOf(memoryMb)
    const folder = workspace.make()
    const warn = (what: string, error: unknown): void =>
      log.warn(`environment ${id}: ${what}: ${errorInfo(error).message}`)
    let entered: Promise<void> = Promise.resolve()
    let pid = 0
    let duty: Duty | undefined
    let running = 0
    /** What the kernel refuses is no reason for the host to end. */
    const trying = <T>(what: string, otherwise: T, run: () => T): T => {
      try {
        return run()
      } catch (error) {
        warn(what, error)
        return otherwise
      }
    }
    const slowDown = (): void => {
      if (means.cpu === 'cgroup-v2' || means.cpu === 'cgroup-v1') group?.limitCpu(quotaOf(share))
      if (means.cpu === 'nice') setPriority(pid, nicenessOf(share))
      if (means.cpu === 'duty-cycle') duty = createDuty(pid, share, clock)
    }
    const leave = async (): Promise<void> => {
      await entered
      if (group) {
        if (!(await group.remove(clock))) log.warn(`environment ${id}: something in its cgroup does not end`)
      } else await killStrays(`${NAME_VARIABLE}=${id}`)
      await workspace.remove(folder).catch(error => warn('its folder is not removed', error))
    }
    return {
      folder,
      rename(to) {
        id = to
      },
      enter(started) {
        pid = started
        if (group) entered = group.enter(pid, memoryMb).catch(error => warn('it runs without its cgroup', error))
        return entered
      },
      ready: () => trying('it runs with more CPU than its share', undefined, slowDown),
      busy() {
        running += 1
        duty?.begin()
      },
      idle() {
        running = Math.max(0, running - 1)
        if (running === 0) duty?.end()
      },
      ranOutOfMemory: () => trying('its cgroup cannot be read', false, () => group?.ranOutOfMemory() ?? false),
      kill: () => trying('its cgroup is not killed', undefined, () => group?.kill()),
      leave() {
        duty?.end()
        const left = leave()
          .catch(error => warn('something of it is left', error))
          .finally(() => leaving.delete(left))
        leaving.add(left)
      },
    }
  }

  return {
    get means() {
      return find().means
    },
    prepare() {
      find()
      workspace.prepare()
    },
    confine,
    async close() {
      await Promise.all(leaving)
      for (const { dir } of found?.places ?? []) if (removeGroup(dir)) parts.reaper.release(dir)
      workspace.close()
    },
  }
}

/** Lambda's name for the stream of an environment's log is ours for the environment; it is unique on the machine. */
const NAME_VARIABLE = 'AWS_LAMBDA_LOG_STREAM_NAME'

const detect = (
  { app, cpuShares, reaper }: LimitsParts,
  versions: readonly CgroupVersion[],
  allowed: readonly CpuMeans[],
): { readonly places: readonly CgroupPlace[]; readonly means: LimitMeans } => {
  // Nobody is put into a group for nothing.
  const places = findPlaces(app, versions, cpuShares === 'on' ? ['memory', 'pids', 'cpu'] : ['memory', 'pids'])
  for (const { dir } of places) {
    reaper.keep('cgroup', dir)
    removeLeftovers(dir)
  }
  const by = (controller: Controller): 'cgroup-v2' | 'cgroup-v1' | undefined => {
    const place = places.find(({ controllers }) => controllers.includes(controller))
    return place && `cgroup-v${place.version}`
  }
  const onLinux = cpuTimeMs(process.pid) !== undefined
  const others = (['duty-cycle', 'nice'] as const).filter(means => means === 'nice' || onLinux)
  const cpu = by('cpu') ?? others.find(means => allowed.includes(means)) ?? 'none'
  return {
    places,
    means: {
      memory: by('memory') ?? (onLinux ? 'sampled' : 'heap'),
      cpu: cpuShares === 'off' ? 'off' : cpu,
      processes: by('pids') ?? 'none',
    },
  }
}
