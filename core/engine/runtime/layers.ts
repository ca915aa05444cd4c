/**
 * Where a packaged function finds what it does not have itself: in its layers, and, for `millrace`, in what runs it.
 * NODE_PATH is not looked at by `import`, so the resolver is asked again as if a module of the layer had asked.
 */
import { realpathSync } from 'node:fs'
import { createRequire, registerHooks } from 'node:module'
import { join, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import { errorInfo } from '../../errors.ts'
import type { ModuleCode } from '../contract.ts'

/** Layers as Lambda has them for Node, and layers that are a package folder. */
const PLACES = ['nodejs', '.'] as const

const NOT_FOUND: ReadonlySet<string> = new Set(['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'])

const registered = new Set<string>()

/**
 * From now on, for modules below the function's folder and its layers. The function's own packages come first, as on
 * Lambda. In a process or thread of its own for as long as that lives; inline for as long as the app does.
 */
export const resolveFromLayers = ({ root, layers }: Pick<ModuleCode, 'root' | 'layers'>): void => {
  if (root === undefined) return
  const key = JSON.stringify([root, layers])
  if (registered.has(key)) return
  registered.add(key)
  const places = layers ? PLACES.map(place => pathToFileURL(join(layers.folder, place, 'any.js')).href) : []
  const folders = [root, ...(layers ? [layers.folder, ...layers.sources] : [])]
  // Node calls modules by their real paths.
  const roots = folders.map(folder => pathToFileURL(realpathSync(folder) + sep).href)
  /** Asking for another place asks this hook again. */
  let asking = false
  registerHooks({
    resolve(specifier, context, next) {
      try {
        return next(specifier, context)
      } catch (thrown) {
        const isOurs = roots.some(url => context.parentURL?.startsWith(url))
        if (asking || !isOurs || !isPackage(specifier) || !isNotFound(thrown)) throw thrown
        asking = true
        try {
          const found = firstOf([...places, ...(isMillrace(specifier) ? [import.meta.url] : [])], parentURL =>
            context.conditions?.includes('import')
              ? next(specifier, { ...context, parentURL })
              : // `require` looks from the module that asked, whatever parentURL says.
                { url: pathToFileURL(createRequire(parentURL).resolve(specifier)).href, shortCircuit: true },
          )
          if (found) return found
          throw thrown
        } finally {
          asking = false
        }
      }
    },
  })
}

/** What the first place has; undefined when none has it. Throws what goes wrong otherwise. */
const firstOf = <Found>(places: readonly string[], look: (place: string) => Found): Found | undefined => {
  for (const place of places)
    try {
      return look(place)
    } catch (thrown) {
      if (!isNotFound(thrown)) throw thrown
    }
  return undefined
}

const isNotFound = (thrown: unknown): boolean => NOT_FOUND.has(errorInfo(thrown).code ?? '')

const isPackage = (specifier: string): boolean => /^[^./\\#]/.test(specifier) && !/^[a-z]+:/i.test(specifier)

const isMillrace = (specifier: string): boolean => /^millrace(?:\/|$)/.test(specifier)
