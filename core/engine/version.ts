/** Names the code of a function, so that a report or a dead letter says which one it was. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { FunctionSpec, Version } from './contract.ts'

const VERSION_CHARS = 12

/**
 * A hash of the function's file and of all it imports by a relative path, so that a change in any of them is a new
 * version; `inline` for a handler given as a value, `missing` where the file cannot be read. Packages do not count.
 */
export const versionOf = (code: FunctionSpec['code']): Version => {
  if (!('file' in code)) return 'inline'
  const sources = importGraph(code.file)
  if (sources.get(code.file) === undefined) return 'missing'
  const hash = createHash('sha256')
  for (const [_file, source] of sources) hash.update(`${source?.length ?? -1}:`).update(source ?? '')
  return hash.digest('hex').slice(0, VERSION_CHARS)
}

/** `from './x.ts'`, `import './x.ts'`, `import('./x.ts')`, `require('./x.js')`. */
const RELATIVE_IMPORT = /(?:\bfrom|\bimport|\brequire)\s*\(?\s*['"](\.{1,2}\/[^'"\n]+)['"]/g

/**
 * The file and what it reaches, in the order of the imports. Text is searched rather than parsed: what stands in a
 * comment counts too, which at worst makes a new version of a change that does nothing.
 */
const importGraph = (entry: string): ReadonlyMap<string, string | undefined> => {
  const found = new Map<string, string | undefined>()
  const waiting = [entry]
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (found.has(file)) continue
    const source = readSource(file)
    found.set(file, source)
    for (const [, path] of source?.matchAll(RELATIVE_IMPORT) ?? []) waiting.push(resolve(dirname(file), path ?? ''))
  }
  return found
}

const readSource = (file: string): string | undefined => {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    // Init reports the missing file, with what to do; here it only has no content.
    return undefined
  }
}
