/** Which module of a folder is meant, and which of its exports. */
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { errorInfo, MillraceError } from '../../errors.ts'

export interface FoundModule {
  readonly file: string
  /** Left out: `handler`, else the default export. */
  readonly export?: string
}

/** Where to look, and what it is called: a zip is what was written, not the folder it was unpacked to. */
interface ModuleRoot {
  readonly folder: string
  readonly named: string
}

/** As Lambda has them; then TypeScript, which runs as it is. Compiled code beside its source is what was meant to run. */
const EXTENSIONS = ['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts'] as const

/**
 * `handler` as on Lambda, `src/app.charge`: a module and an export of it; or only an export, of the folder's main module
 * (`main` in its package.json, else index.*). Throws FUNCTION_NOT_FOUND that says what was looked for.
 */
export const moduleIn = (functionName: string, root: ModuleRoot, handler: string | undefined): FoundModule => {
  const { folder, named } = root
  const slash = handler?.lastIndexOf('/') ?? -1
  const dots =
    handler === undefined ? [] : [...handler.matchAll(/\./g)].map(({ index }) => index).filter(at => at > slash)
  if (handler === undefined || (slash < 0 && dots.length === 0))
    return { file: mainModule(functionName, root), ...(handler === undefined ? {} : { export: handler }) }
  if (handler.startsWith('/') || handler.split('/').includes('..'))
    throw notFound(functionName, `handler ${JSON.stringify(handler)} must be inside of ${named}`)
  for (const dot of dots) {
    const file = withExtension(join(folder, handler.slice(0, dot)))
    if (file !== undefined) return { file, export: handler.slice(dot + 1) }
  }
  const looked = handler.slice(0, dots[0] ?? handler.length)
  throw notFound(
    functionName,
    `handler ${JSON.stringify(handler)}: there is no ${looked}{${EXTENSIONS.join(',')}} in ${named}; write it as path/of/module.export`,
  )
}

const mainModule = (functionName: string, { folder, named }: ModuleRoot): string => {
  const main = mainOf(functionName, folder)
  const file = main === undefined ? withExtension(join(folder, 'index')) : asModule(join(folder, main))
  if (file !== undefined) return file
  throw notFound(
    functionName,
    main === undefined
      ? `${named} has neither index{${EXTENSIONS.join(',')}} nor a package.json that names its main module; add one, or say handler: 'path/of/module.export'`
      : `main in ${join(named, 'package.json')} is ${JSON.stringify(main)}, which does not exist`,
  )
}

const mainOf = (functionName: string, folder: string): string | undefined => {
  const path = join(folder, 'package.json')
  if (!isFile(path)) return undefined
  try {
    const { main } = JSON.parse(readFileSync(path, 'utf8')) as { main?: unknown }
    return typeof main === 'string' && main !== '' ? main : undefined
  } catch (thrown) {
    throw notFound(functionName, `${path} cannot be read: ${errorInfo(thrown).message}`)
  }
}

/** As Node reads `main`: a file, a file without its extension, or a folder. */
const asModule = (path: string): string | undefined =>
  isFile(path) ? path : (withExtension(path) ?? withExtension(join(path, 'index')))

const withExtension = (path: string): string | undefined =>
  EXTENSIONS.map(extension => `${path}${extension}`).find(isFile)

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true

const notFound = (functionName: string, problem: string): MillraceError =>
  new MillraceError('FUNCTION_NOT_FOUND', `functions.${functionName}: ${problem}`)
