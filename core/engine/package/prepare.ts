/** A function's code as it was written becomes a module that environments can import: unpacked, its handler found, its layers merged. */
import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import { MillraceError } from '../../errors.ts'
import type { ModuleCode, PackageCode } from '../contract.ts'
import type { PackageCache } from './cache.ts'
import { contentHash } from './content.ts'
import { mergeLayers } from './layers.ts'
import { moduleIn } from './module.ts'

/** Rejects with a MillraceError that says what is wrong with which file; nothing was run then. */
export const preparePackage = async (
  functionName: string,
  code: PackageCode,
  cache: PackageCache,
): Promise<ModuleCode> => {
  const limits = { maxBytes: code.maxBytes, taken: 0 }
  const folderOf = async (path: string): Promise<string> => {
    if (!isZip(path)) return path
    const { folder, bytes } = await cache.unpack(path, limits)
    limits.taken += bytes
    return folder
  }
  const found = kindOf(functionName, 'file', code.package)
  const root = found === 'module' ? dirname(code.package) : await folderOf(code.package)
  const module =
    found === 'module'
      ? { file: code.package, ...(code.entry === undefined ? {} : { export: code.entry }) }
      : moduleIn(functionName, root, code.entry)
  const layers: string[] = []
  for (const [index, path] of code.layers.entries()) {
    if (kindOf(functionName, `layers.${index}`, path) === 'module')
      throw new MillraceError(
        'FUNCTION_PACKAGE_INVALID',
        `functions.${functionName}.layers.${index} must be a folder or a .zip, got ${path}`,
      )
    layers.push(await folderOf(path))
  }
  return { ...module, root, ...(layers.length === 0 ? {} : { layers: await layersOf(layers, cache) }) }
}

const layersOf = async (
  sources: readonly string[],
  cache: PackageCache,
): Promise<NonNullable<ModuleCode['layers']>> => {
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

const kindOf = (functionName: string, option: string, path: string): 'folder' | 'zip' | 'module' => {
  const found = statSync(path, { throwIfNoEntry: false })
  if (!found)
    throw new MillraceError(
      'FUNCTION_NOT_FOUND',
      `functions.${functionName}.${option}: ${path} does not exist; create it, or correct the path`,
    )
  if (found.isDirectory()) return 'folder'
  return isZip(path) ? 'zip' : 'module'
}
