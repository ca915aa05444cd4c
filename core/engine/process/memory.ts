/** How much memory a process has for itself, as Linux counts it; elsewhere only V8's own limit holds. */
import { readdirSync, readFileSync } from 'node:fs'

const BYTES_PER_MB = 1_048_576
const AT_PAGESZ = 6n
const DEFAULT_PAGE_BYTES = 4_096

/** MB that are resident and not shared with other processes; undefined where it cannot be told. */
export const privateMemoryMb = (pid: number): number | undefined => {
  let statm: string
  try {
    statm = readFileSync(`/proc/${pid}/statm`, 'latin1')
  } catch {
    // The process has ended, or this is not Linux: there is nothing to measure.
    return undefined
  }
  const [, resident, shared] = statm.split(' ').map(Number)
  if (resident === undefined || shared === undefined) return undefined
  return ((resident - shared) * pageBytes()) / BYTES_PER_MB
}

/** The same of a process and all that it and its children have started; they are asked one by one. */
export const familyMemoryMb = (pid: number): number | undefined => {
  const own = privateMemoryMb(pid)
  if (own === undefined) return undefined
  let sum = own
  for (const child of childrenOf(pid)) sum += familyMemoryMb(child) ?? 0
  return sum
}

/** A child belongs to the thread that started it. */
const childrenOf = (pid: number): readonly number[] => {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap(thread =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1').split(' ').filter(Boolean).map(Number),
    )
  } catch {
    // It has ended, or the kernel does not tell.
    return []
  }
}

let knownPageBytes: number | undefined

/** From the auxiliary vector the kernel gives each process: pages are not 4 KB everywhere. */
const pageBytes = (): number => {
  knownPageBytes ??= readPageBytes()
  return knownPageBytes
}

const readPageBytes = (): number => {
  const entries = readFileSync('/proc/self/auxv')
  for (let at = 0; at + 16 <= entries.length; at += 16)
    if (entries.readBigUInt64LE(at) === AT_PAGESZ) return Number(entries.readBigUInt64LE(at + 8))
  return DEFAULT_PAGE_BYTES
}
