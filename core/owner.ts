/**
 * Who holds a claim in the shared database. Processes of one machine share it, so a claim names its process exactly,
 * and the claims of a process that died are free at once instead of after their lease.
 */
import { randomUUID } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'

/** One life of one process. A pid alone is not enough: it is given again after a crash, and after a reboot. */
export interface Owner {
  /** A uuid, new for every life of a process. */
  readonly id: string
  readonly pid: number
  /** Changes with every start of the machine; empty where the system does not say. */
  readonly bootId: string
  /** The kernel's ticks since boot at which the process began; 0 where the system does not say. */
  readonly startedAt: number
  /** The pid namespace in which `pid` counts: two containers may share the file; empty where there is none. */
  readonly pidSpace: string
}

let self: Owner | undefined

/** The owner that this process is, for as long as it lives. */
export const thisProcess = (): Owner => {
  self ??= {
    id: randomUUID(),
    pid: process.pid,
    bootId: bootId(),
    startedAt: lifeOf(process.pid)?.startedAt ?? 0,
    pidSpace: pidSpace(),
  }
  return self
}

/**
 * False only when the process is certainly gone, and then all it claimed may be taken. True where that cannot be told
 * (another pid namespace, a system without /proc whose pid was given again): there the lease of the claim decides.
 * Costs one read of /proc, about 20 microseconds.
 */
export const isAlive = (owner: Owner): boolean => {
  const me = thisProcess()
  if (owner.id === me.id) return true
  if (owner.bootId !== me.bootId) return false
  if (owner.pidSpace !== me.pidSpace) return true
  if (me.startedAt === 0) return answersSignals(owner.pid)
  const life = lifeOf(owner.pid)
  return life !== undefined && life.startedAt === owner.startedAt && !life.ended
}

/** One line for a column of a table; equal owners have equal text. */
export const ownerToText = (owner: Owner): string =>
  [owner.id, owner.pid, owner.startedAt, owner.bootId, owner.pidSpace].join('/')

/** The inverse of {@link ownerToText}; undefined for text that it did not write. */
export const ownerFromText = (text: string): Owner | undefined => {
  const [id, pid, startedAt, boot, space, ...rest] = text.split('/')
  if (!id || boot === undefined || space === undefined || rest.length > 0) return undefined
  if (!/^\d+$/.test(pid ?? '') || !/^\d+$/.test(startedAt ?? '')) return undefined
  return { id, pid: Number(pid), startedAt: Number(startedAt), bootId: boot, pidSpace: space }
}

const bootId = (): string => readOr('', () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim())

const pidSpace = (): string => readOr('', () => readlinkSync('/proc/self/ns/pid').replace(/^pid:/, ''))

/**
 * A killed process that its parent has not reaped still has an entry, in state Z, and holds nothing any more.
 * The name of the process stands in parentheses and may contain anything, so fields are counted from its last one.
 */
const lifeOf = (pid: number): { readonly startedAt: number; readonly ended: boolean } | undefined =>
  readOr(undefined, () => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { startedAt: Number(fields[19]), ended: fields[0] === 'Z' || fields[0] === 'X' }
  })

const answersSignals = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as { code?: unknown }).code === 'EPERM'
  }
}

/** Not being there is an answer here: no /proc on this system, or no such process any more. */
const readOr = <T>(missing: T, read: () => T): T => {
  try {
    return read()
  } catch {
    return missing
  }
}
