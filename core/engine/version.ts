/** Names the code of a function, so that a report or a dead letter says which one it was. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { FunctionSpec, Version } from './contract.ts'

const VERSION_CHARS = 12

/** A hash of the function's file; `inline` for a handler given as a value, `missing` where the file cannot be read. */
export const versionOf = (code: FunctionSpec['code']): Version => {
  if (!('file' in code)) return 'inline'
  try {
    return createHash('sha256').update(readFileSync(code.file)).digest('hex').slice(0, VERSION_CHARS)
  } catch {
    // Init reports the missing file, with what to do; here it only has no version.
    return 'missing'
  }
}
