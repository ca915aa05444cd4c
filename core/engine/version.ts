/** Names the code of a function, so that a report or a dead letter says which one it was. */
import { createHash, type Hash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, extname, join, resolve } from 'node:path'
import type { FunctionSpec, PackageCode, Program, Version } from './contract.ts'
import { contentHash } from './package/content.ts'
import { moduleIn } from './package/module.ts'
import { isZip } from './package/prepare.ts'

const VERSION_CHARS = 12

/**
 * A hash of the function's code, so that a change in any of it is a new version:
 *
 *   a module   its text and that of all it imports by a relative path; packages do not count
 *   a program  the files its command names, and those beside them of the same kind
 *   a folder   the same of its handler, and every file below it but in node_modules, whose lock file stands beside it
 *   a zip      its bytes
 *   layers     their bytes, whatever they hold
 *
 *   an image   its name and command: what a tag stands for is looked up when its environments start
 *
 * `remote` for a function behind a URL, `inline` for a handler given as a value, `missing` where there is nothing at the path.
 */
export const versionOf = (code: FunctionSpec['code']): Version => {
  if ('package' in code) return versionOfPackage(code)
  if ('command' in code) return versionOfProgram(code)
  if ('image' in code) return short(createHash('sha256').update(JSON.stringify(code)))
  if ('url' in code) return 'remote'
  if (!('file' in code)) return 'inline'
  const hash = createHash('sha256')
  return addModule(hash, code.file) ? short(hash) : 'missing'
}

const versionOfPackage = (code: PackageCode): Version => {
  const hash = createHash('sha256')
  const isFolder = statSync(code.package, { throwIfNoEntry: false })?.isDirectory() === true
  const content = isFolder || isZip(code.package) ? contentHash(code.package, 'own') : moduleHash(code.package)
  if (content === undefined) return 'missing'
  hash.update(`${content};${code.entry ?? ''};${code.command?.join(' ') ?? ''};`)
  if (isFolder) hash.update(`${reachedFrom(code)};`)
  for (const layer of code.layers) hash.update(`${contentHash(layer, 'all')};`)
  return short(hash)
}

/** What a module of the folder imports from outside of it. */
const reachedFrom = ({ package: folder, entry }: PackageCode): string | undefined => {
  try {
    return moduleHash(moduleIn('', { folder, named: folder }, entry).file)
  } catch {
    // Init reports a handler that is not there, with what to do.
    return undefined
  }
}

const versionOfProgram = (program: Program): Version => {
  const hash = createHash('sha256')
  for (const file of programFiles(program)) hash.update(`${basename(file)}:${contentHash(file, 'own')};`)
  return short(hash)
}

/** What `python3 handler.py` would load is not known; that a module lies beside the one that uses it is usual. */
const programFiles = ({ command, folder }: Program): ReadonlySet<string> => {
  const files = new Set<string>()
  for (const file of command.map(word => resolve(folder, word)).filter(isFile)) {
    files.add(file)
    const kind = extname(file)
    if (kind === '') continue
    const beside = readdirSync(dirname(file)).filter(name => extname(name) === kind)
    for (const path of beside.sort().map(name => join(dirname(file), name))) if (isFile(path)) files.add(path)
  }
  return files
}

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true

const moduleHash = (file: string): string | undefined => {
  const hash = createHash('sha256')
  return addModule(hash, file) ? hash.digest('hex') : undefined
}

/** False when there is no such module. */
const addModule = (hash: Hash, file: string): boolean => {
  const sources = importGraph(file)
  for (const [_file, source] of sources) hash.update(`${source?.length ?? -1}:`).update(source ?? '')
  return sources.get(file) !== undefined
}

const short = (hash: Hash): Version => hash.digest('hex').slice(0, VERSION_CHARS)

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
