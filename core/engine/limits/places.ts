/**
 * Where this process may make cgroups for its environments, found out by making one.
 *
 *   the group this process is in (or, with version 2, the one above)
 *     └─ millrace-<app>-<this process>         one for each engine; made here, removed by its close
 *          └─ <environment>                    limits and processes are here
 *
 * Below its own group, never beside the tree: what limits the host, a container or a service, limits its functions too.
 */
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Owner, thisProcess } from '../../owner.ts'
import { type Controller, type Hierarchies, parseHierarchies } from './hierarchies.ts'
import { type CgroupVersion, cpuLimits, type LimitFile, startLimits } from './limit-files.ts'
import { quotaOf } from './share.ts'

/** A folder in which environments get groups of their own. */
export interface CgroupPlace {
  readonly version: CgroupVersion
  readonly controllers: readonly Controller[]
  /** The folder `millrace-…`. */
  readonly dir: string
}

const PREFIX = 'millrace-'
/** Any values do: it is only asked whether they may be written. */
const PROBE_MB = 128
const PROBE_SHARE = 1

/** Empty where nothing may be written, or this is not Linux. Version 2 wins where both have a controller. */
export const findPlaces = (
  app: string,
  versions: readonly CgroupVersion[],
  wanted: readonly Controller[],
): readonly CgroupPlace[] => {
  const hierarchies = readHierarchies()
  engines += 1
  const name = placeName(app, thisProcess(), engines)
  const places: CgroupPlace[] = []
  if (versions.includes(2) && hierarchies.v2 !== undefined) places.push(...version2(hierarchies.v2, name, wanted))
  if (!versions.includes(1)) return places
  for (const controller of wanted) {
    const own = hierarchies.v1[controller]
    if (own === undefined || places.some(place => place.controllers.includes(controller))) continue
    const dir = join(own, name)
    if (makes(dir) && mayLimit(dir, controller, 1)) places.push({ version: 1, controllers: [controller], dir })
    else removeGroup(dir)
  }
  return places
}

/** An app may have several engines in a process, a test has many. */
let engines = 0

const readHierarchies = (): Hierarchies => {
  try {
    return parseHierarchies(readFileSync('/proc/self/mountinfo', 'utf8'), readFileSync('/proc/self/cgroup', 'utf8'))
  } catch {
    // Not Linux, or no /proc: there are no cgroups to be had.
    return { v1: {}, v2: undefined }
  }
}

/**
 * A group that has processes of its own cannot give its controllers to groups below, unless it is the root: a service
 * then has to have its processes one level down (systemd: Delegate=yes and DelegateSubgroup), and the group above is ours.
 * Without any controller it is still worth having: everything in a group can be killed at once.
 */
const version2 = (own: string, name: string, wanted: readonly Controller[]): readonly CgroupPlace[] => {
  const bases = [own, dirname(own)]
  for (const base of bases) {
    const dir = join(base, name)
    if (!makes(dir)) continue
    const controllers = wanted.filter(
      controller => handsDown(base, controller) && handsDown(dir, controller) && mayLimit(dir, controller, 2),
    )
    if (controllers.length > 0) return [{ version: 2, controllers, dir }]
    removeGroup(dir)
  }
  const dir = join(own, name)
  return makes(dir) ? [{ version: 2, controllers: [], dir }] : []
}

/** Whether groups in `dir` have this controller, switched on if need be. */
const handsDown = (dir: string, controller: Controller): boolean => {
  const file = join(dir, 'cgroup.subtree_control')
  try {
    if (readFileSync(file, 'latin1').trim().split(' ').includes(controller)) return true
    writeFileSync(file, `+${controller}`)
    return true
  } catch {
    // Read-only, not ours, or with processes in it: the answer is no.
    return false
  }
}

const makes = (dir: string): boolean => {
  try {
    mkdirSync(dir, { recursive: true })
    return true
  } catch {
    return false
  }
}

const mayLimit = (dir: string, controller: Controller, version: CgroupVersion): boolean => {
  const probe = join(dir, 'probe')
  try {
    mkdirSync(probe, { recursive: true })
    writeLimits(probe, [...startLimits(controller, version, PROBE_MB), ...probeCpu(controller, version)])
    return true
  } catch {
    return false
  } finally {
    removeGroup(probe)
  }
}

const probeCpu = (controller: Controller, version: CgroupVersion): readonly LimitFile[] =>
  controller === 'cpu' ? cpuLimits(version, quotaOf(PROBE_SHARE)) : []

/** Throws when one that is needed cannot be written. */
export const writeLimits = (dir: string, files: readonly LimitFile[]): void => {
  for (const { name, text, optional } of files)
    try {
      writeFileSync(join(dir, name), text)
    } catch (error) {
      if (!optional) throw error
    }
}

/** False while something is in it. */
export const removeGroup = (dir: string): boolean => {
  try {
    rmdirSync(dir)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
  }
}

/** `millrace-<app>-<pid>.<start>.<pid namespace>.<number>`; it says whose it is, because groups outlive a host that is killed. */
export const placeName = (app: string, { pid, startedAt, pidSpace }: Owner, number: number): string =>
  `${PREFIX}${app}-${pid}.${startedAt}.${pidSpace.replace(/\D/g, '')}.${number}`

/** The owner in a name that {@link placeName} made; undefined for any other. Groups end with the machine: its boot is this one. */
export const ownerOfPlace = (name: string): Owner | undefined => {
  const [, pid, startedAt, space] = /^millrace-.*-(\d+)\.(\d+)\.(\d*)\.\d+$/.exec(name) ?? []
  if (pid === undefined || startedAt === undefined) return undefined
  const me = thisProcess()
  return {
    id: '',
    pid: Number(pid),
    startedAt: Number(startedAt),
    bootId: me.bootId,
    pidSpace: space === me.pidSpace.replace(/\D/g, '') ? me.pidSpace : (space ?? ''),
  }
}
