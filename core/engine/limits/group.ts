/** The cgroups of one environment: one folder in each place. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../clock.ts'
import { sleep } from '../../clock.ts'
import { cpuLimits, oomFile, oomKills, startLimits } from './limit-files.ts'
import { type CgroupPlace, removeGroup, writeLimits } from './places.ts'
import type { Quota } from './share.ts'

export interface Group {
  /** Makes the folders, writes the limits and puts the process in. Rejects when the kernel refuses. */
  enter(pid: number, memoryMb: number): Promise<void>
  /** Throws when the kernel refuses. */
  limitCpu(quota: Quota): void
  /** Whether the kernel has killed something in it for its memory. */
  ranOutOfMemory(): boolean
  /** SIGKILL to everything in it, whatever process group or session that has gone to. */
  kill(): void
  /** Kills and removes it; false when something in it does not go away. */
  remove(clock: Clock): Promise<boolean>
}

const MANY_TRIES = 100
const TRY_MS = 10

export const createGroup = (places: readonly CgroupPlace[], name: string): Group => {
  const folders = places.map(place => ({ ...place, dir: join(place.dir, name) }))
  const holding = (controller: CgroupPlace['controllers'][number]) =>
    folders.find(folder => folder.controllers.includes(controller))
  const killFolder = folders.find(({ version }) => version === 2) ?? folders[0]
  return {
    async enter(pid, memoryMb) {
      for (const { dir, version, controllers } of folders) {
        await mkdir(dir, { recursive: true })
        writeLimits(
          dir,
          controllers.flatMap(controller => startLimits(controller, version, memoryMb)),
        )
        // Not synchronous: the first of a while waits some 10 ms for all other processors.
        await writeFile(join(dir, 'cgroup.procs'), String(pid))
      }
    },
    limitCpu(quota) {
      const folder = holding('cpu')
      if (folder) writeLimits(folder.dir, cpuLimits(folder.version, quota))
    },
    ranOutOfMemory() {
      const folder = holding('memory')
      return folder !== undefined && oomKills(readIfThere(join(folder.dir, oomFile(folder.version)))) > 0
    },
    kill() {
      if (killFolder) killGroupMembers(killFolder.dir)
    },
    async remove(clock) {
      for (let tries = 0; tries < MANY_TRIES; tries += 1) {
        if (killFolder) killGroupMembers(killFolder.dir)
        if (folders.map(({ dir }) => removeGroup(dir)).every(removed => removed)) return true
        // Killed processes leave their group a moment later.
        await sleep(clock, TRY_MS)
      }
      return false
    },
  }
}

/** SIGKILL to all in the group of this folder; nothing where there is no such group. */
export const killGroupMembers = (dir: string): void => {
  if (killAtOnce(join(dir, 'cgroup.kill'))) return
  for (const pid of readIfThere(join(dir, 'cgroup.procs')).split('\n').map(Number)) if (pid > OUTSIDE) kill(pid)
}

/** The kernel writes 0 for what is in another pid namespace, and to kill 0 is to kill oneself. */
const OUTSIDE = 1

/** Version 2, from Linux 5.14. */
const killAtOnce = (file: string): boolean => {
  if (!existsSync(file)) return false
  try {
    writeFileSync(file, '1')
    return true
  } catch (error) {
    if (isGone(error)) return true
    throw error
  }
}

const kill = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    // ESRCH: it has just ended by itself, which is what is wanted.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

const readIfThere = (path: string): string => {
  try {
    return readFileSync(path, 'latin1')
  } catch (error) {
    if (isGone(error)) return ''
    throw error
  }
}

/** No such file, or it was removed while it was open. */
const isGone = (error: unknown): boolean => ['ENOENT', 'ENODEV'].includes((error as NodeJS.ErrnoException).code ?? '')
