/** A function's code as it was written becomes a module that environments can import, or a program: unpacked, its handler found, its layers merged. */
import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { MillraceError } from '../../errors.ts'
import type { MergedLayers, ModuleCode, PackageCode, Program } from '../contract.ts'
import { bundleModule } from './bundle.ts'
import type { PackageCache } from './cache.ts'
import { contentHash } from './content.ts'
import { mergeLayers } from './layers.ts'
import { moduleIn } from './module.ts'

/** Rejects with a MillraceError that says what is wrong with which file; nothing was run then. */
export const preparePackage = async (
  functionName: string,
  code: PackageCode,
  cache: PackageCache,
): Promise<ModuleCode | Program> => {
  const limits = { maxBytes: code.maxBytes, taken: 0 }
  const folderOf = async (path: string): Promise<string> => {
    if (!isZip(path)) return path
    const { folder, bytes } = await cache.unpack(path, limits)
    limits.taken += bytes
    return folder
  }
  const found = kindOf(functionName, 'file', code.package)
  const root = found === 'module' ? dirname(code.package) : await folderOf(code.package)
  const own = programIn(code, root) ?? moduleOf(functionName, code, root, found)
  const layers: string[] = []
  for (const [index, path] of code.layers.entries()) {
    if (kindOf(functionName, `layers.${index}`, path) === 'module')
      throw new MillraceError(
        'FUNCTION_PACKAGE_INVALID',
        `functions.${functionName}.layers.${index} must be a folder or a .zip, got ${path}`,
      )
    layers.push(await folderOf(path))
  }
  const whole = { ...own, ...(layers.length === 0 ? {} : { layers: await layersOf(layers, cache) }) }
  return code.bundle && 'file' in whole ? bundleModule(functionName, whole, cache) : whole
}

/** Undefined where it is a module. */
const programIn = ({ package: path, command, entry }: PackageCode, folder: string): Program | undefined => {
  const bootstrap = join(folder, BOOTSTRAP)
  const isBootstrap = isFile(bootstrap) && (isFolder(path) || isZip(path) || basename(path) === BOOTSTRAP)
  const started = command ?? (isBootstrap ? [bootstrap] : undefined)
  return started && { command: started, folder, ...(entry === undefined ? {} : { handler: entry }) }
}

/** As on Lambda, where a runtime of one's own is a program of this name. */
export const BOOTSTRAP = 'bootstrap'

const moduleOf = (functionName: string, code: PackageCode, root: string, found: Kind): ModuleCode => ({
  ...(found === 'module'
    ? { file: code.package, ...(code.entry === undefined ? {} : { export: code.entry }) }
    : moduleIn(functionName, { folder: root, named: code.package }, code.entry)),
  root,
})

const layersOf = async (sources: readonly string[], cache: PackageCache): Promise<MergedLayers> => {
  const [only, second] = sources
  if (only !== undefined && second === undefined) return { folder: only, sources }
  const key = createHash('sha256')
  for (const source of sources) key.update(`${source}:${contentHash(source, 'all')};`)
  const folder = await cache.folderOf(`layers-${key.digest('hex').slice(0, KEY_CHARS)}`, target =>
    mergeLayers(sources, target),
  )
  return { folder, sources }
}

const KEY_CHARS = 32

export const isZip = (path: string): boolean => /\.zip$/i.test(path)

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

type Kind = 'folder' | 'zip' | 'module'

const kindOf = (functionName: string, option: string, path: string): Kind => {
  const found = statSync(path, { throwIfNoEntry: false })
  if (!found)
    throw new MillraceError(
      'FUNCTION_NOT_FOUND',
      `functions.${functionName}.${option}: ${path} does not exist; create it, or correct the path`,
    )
  if (found.isDirectory()) return 'folder'
  return isZip(path) ? 'zip' : 'module'
}
