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
    const left = join(beside, name)
    for (const environment of foldersIn(left)) {
      killGroupMembers(join(left, environment))
      removeGroup(join(left, environment))
    }
    removeGroup(left)
  }
}

const foldersIn = (dir: string): readonly string[] => {
  try {
    return readdirSync(dir, { withFileTypes: true }).flatMap(entry => (entry.isDirectory() ? [entry.name] : []))
  } catch {
    // Not there, or gone meanwhile: then nothing is left in it.
    return []
  }
}
