/** What runs below a program, as /proc tells it. */
import { readFileSync } from 'node:fs'

/** Children that lead process groups of their own, as PostgreSQL's do: what is sent to its group does not reach them. */
export const childGroups = (pid: number): readonly number[] =>
  read(`/proc/${pid}/task/${pid}/children`)
    .split(' ')
    .filter(Boolean)
    .map(Number)
    .filter(child => statOf(child)?.group === child)

/** False for one that has ended and that nobody has asked after. */
export const isRunning = (pid: number): boolean => {
  const state = statOf(pid)?.state
  return state !== undefined && state !== 'Z'
}

/** Its name stands in brackets and may hold anything. */
const statOf = (pid: number): { readonly state: string; readonly group: number } | undefined => {
  const [state, , group] = read(`/proc/${pid}/stat`).split(') ').at(-1)?.split(' ') ?? []
  return state ? { state, group: Number(group) } : undefined
}

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // It has ended.
    return ''
  }
}
