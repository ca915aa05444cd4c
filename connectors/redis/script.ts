/** Lua that Redis runs in one step: nothing of another client comes in between, and all of it is kept or none. */
import { createHash } from 'node:crypto'

export interface Script {
  readonly lua: string
}

const shas = new WeakMap<Script, string>()

/** What Redis knows a script by once it has seen it. */
export const shaOf = (script: Script): string => {
  const known = shas.get(script)
  if (known !== undefined) return known
  const sha = createHash('sha1').update(script.lua).digest('hex')
  shas.set(script, sha)
  return sha
}
