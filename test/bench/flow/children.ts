/** What the processes that this one has started have used of the CPU, as Linux counts it: to a hundredth of a second. */
import { readdirSync, readFileSync } from 'node:fs'

const TICK_MS = 10
/** Fields of /proc/<pid>/stat behind the name, which may hold anything. */
const FIELD = { parent: 1, user: 11, system: 12 } as const

export const childrensCpuMs = (): number => {
  let ticks = 0
  for (const name of readdirSync('/proc')) {
    const fields = fieldsOf(name)
    if (Number(fields[FIELD.parent]) === process.pid) ticks += Number(fields[FIELD.user]) + Number(fields[FIELD.system])
  }
  return ticks * TICK_MS
}

const fieldsOf = (pid: string): readonly string[] => {
  if (!/^\d+$/.test(pid)) return []
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    // It has ended since.
    return []
  }
}
