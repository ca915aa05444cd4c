/** What hosts left behind that were killed: their cgroups, with whatever still runs in them. */
import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isAlive } from '../../owner.ts'
import { killGroupMembers } from './group.ts'
import { ownerOfPlace, removeGroup } from './places.ts'

/** Of processes that have certainly ended, beside `dir`. What does not go away at once is found by the next start. */
export const removeLeftovers = (dir: string): void => {
  const beside = dirname(dir)
  for (const name of foldersIn(beside)) {
    const owner = ownerOfPlace(name)
    if (!owner || isAlive(owner)) continue
    removePlace(join(beside, name))
  }
}

/** Kills all in the groups of this place and removes them; false while something in them has not gone yet. */
export const removePlace = (dir: string): boolean => {
  for (const environment of foldersIn(dir)) {
    killGroupMembers(join(dir, environment))
    removeGroup(join(dir, environment))
  }
  return removeGroup(dir)
}

const foldersIn = (dir: string): readonly string[] => {
  try {
    return readdirSync(dir, { withFileTypes: true }).flatMap(entry => (entry.isDirectory() ? [entry.name] : []))
  } catch {
    // Not there, or gone meanwhile: then nothing is left in it.
    return []
  }
}
