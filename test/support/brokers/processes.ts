/** What runs below a program, as /proc tells it. */
import { readdirSync, readFileSync } from 'node:fs'

/**
 * Children that lead process groups of their own, as PostgreSQL's do: what is sent to its group does not reach them. Every
 * process is looked at: the kernel's own list of children leaves some out while others end (proc(5) says so).
 */
export const childGroups = (pid: number): readonly number[] =>
  readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(each => {
      const stat = statOf(each)
      return stat?.parent === pid && stat.group === each
    })

/** False for one that has ended and that nobody has asked after. */
export const isRunning = (pid: number): boolean => {
  const state = statOf(pid)?.state
  return state !== undefined && state !== 'Z'
}

interface Stat {
  readonly state: string
  readonly parent: number
  readonly group: number
}

/** Its name stands in brackets and may hold anything. */
const statOf = (pid: number): Stat | undefined => {
  const [state, parent, group] = read(`/proc/${pid}/stat`).split(') ').at(-1)?.split(' ') ?? []
  return state ? { state, parent: Number(parent), group: Number(group) } : undefined
}

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // It has ended.
    return ''
  }
}
